/** Signing with whatever version of a key is active, though that may change while it signs. */
import { CountersignError } from '../../errors.ts'
import type { KeyUse } from '../../keys/key.ts'
import type { ActiveSigner, Keyring } from '../../rotation/keyring.ts'

/** What is signed for: the name of a key, and the use it must have. */
export interface SignerOrder {
  readonly name: string
  readonly use: KeyUse
}

/**
 * Does work with the active version of a key. Where that version lost its right to sign meanwhile, which
 * the log refuses, the work is repeated with its successor: it released nothing, and the caller need not
 * know of a rotation or revocation.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND, ERR_KEY_NOT_USABLE — no such key, no active version,
 * or another use; and what the work throws
 */
export async function withActiveSigner<T>(
  keyring: Pick<Keyring, 'activeSigner' | 'refresh'>,
  { name, use }: SignerOrder,
  work: (active: ActiveSigner) => Promise<T>,
): Promise<T> {
  const active = await findActive(keyring, { name, use })
  try {
    return await work(active)
  } catch (error) {
    if (!hasLostItsRight(error)) throw error
    await keyring.refresh()
    return work(await keyring.activeSigner(name, use))
  }
}

/** A version may be known as revoked before the keyring has read which one takes over. */
async function findActive(
  keyring: Pick<Keyring, 'activeSigner' | 'refresh'>,
  { name, use }: SignerOrder,
): Promise<ActiveSigner> {
  try {
    return await keyring.activeSigner(name, use)
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_KEY_REVOKED')) throw error
    await keyring.refresh()
    return keyring.activeSigner(name, use)
  }
}

/** Whether a version was refused because it signs no more, so that another one may. */
export function hasLostItsRight(error: unknown): boolean {
  return (
    CountersignError.is(error, 'ERR_KEY_REVOKED') ||
    CountersignError.is(error, 'ERR_KEY_NOT_USABLE')
  )
}
