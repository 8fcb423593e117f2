/**
 * What the pinned service states about a key that a command line names: what it is for. A key that is named
 * is trusted on the user's word, but a digest key cannot vouch for a statement.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../src/errors.ts'
import type { KeyUse } from '../../src/keys/key.ts'
import { assertKeyUse, type SignedForm, signsForm } from '../../src/verification/key-use.ts'
import { pinKey } from '../../src/verification/trust.ts'
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import type { Context } from '../context.ts'
import { openTrust, readPin } from '../trust/home.ts'

/** Answers the use of a key by its kid; undefined where no pinned service lists it. */
export type StatedUse = (kid: string) => KeyUse | undefined

/**
 * Reads what the pinned service published last; opens no connection. Where no service is pinned, no key has a
 * stated use.
 *
 * @throws {@link CountersignError} ERR_TRUST_INVALID, ERR_JSON_INVALID, ERR_FILE_READ — a service is pinned,
 * and what was kept of it cannot be read
 */
export async function readStatedUse(context: Pick<Context, 'env' | 'now'>): Promise<StatedUse> {
  const pin = await readPin(context)
  const held = pin && (await openTrust(pin, context).held())
  const uses = new Map(held?.value.history.versions.map(({ key, use }) => [key.kid, use]))
  return (kid) => uses.get(kid)
}

/**
 * Refuses a key whose tokens would be something else that it signed.
 *
 * @throws {@link CountersignError} ERR_KEY_USE_MISMATCH
 */
export function assertTokenKey(key: PublicKeyInfo, statedUse: StatedUse): void {
  assertKeyUse({ ...pinKey(key), use: statedUse(key.kid) }, 'token')
}

/** What the pinned service lists a key for, and where verifiers that trust it would refuse a signature. */
export interface SigningUse {
  readonly use: KeyUse | undefined
  readonly warnings: readonly string[]
}

/**
 * Compares what a key is about to sign with the use that the pinned service states. A file gets a statement
 * where its digest would not be accepted, so that is no reason for a warning.
 */
export async function findSigningUse(
  { kid }: PublicKeyInfo,
  forms: readonly SignedForm[],
  context: Pick<Context, 'env' | 'now'>,
): Promise<SigningUse> {
  try {
    const use = (await readStatedUse(context))(kid)
    const signed = forms.map((form) =>
      form === 'message' && !signsForm(use, form) ? 'envelope' : form,
    )
    if (signed.every((form) => signsForm(use, form))) return { use, warnings: [] }
    const refused = `the pinned service lists this key (kid ${kid}) with the use ${use ?? ''}: verifiers that trust it will refuse this signature`
    return { use, warnings: [refused] }
  } catch (error) {
    if (!CountersignError.is(error)) throw error
    const unknown = `whether the pinned service lists this key is unknown: ${error.message}`
    return { use: undefined, warnings: [unknown] }
  }
}
