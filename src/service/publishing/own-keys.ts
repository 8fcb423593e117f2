/** The keys the service signs its own documents with: found by their use, whatever they are called. */
import { CountersignError } from '../../errors.ts'
import type { LogKeys } from '../../log/tree-signer.ts'
import type { KeyUse } from '../../keys/key.ts'
import type { ActiveSigner, Keyring } from '../../rotation/keyring.ts'

/**
 * Opens the active version of the key of a use; of several that the store has, the one that is configured.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no key has it; and the errors of the keyring
 */
export async function openKeyOf(
  use: KeyUse,
  keyring: Keyring,
  configured: readonly string[],
): Promise<ActiveSigner> {
  const candidates = keyring.snapshot.keys.filter((candidate) => candidate.use === use)
  const key = candidates.find(({ name }) => configured.includes(name)) ?? candidates[0]
  if (key !== undefined) return keyring.activeSigner(key.name, use)
  throw new CountersignError('ERR_KEY_NOT_FOUND', `this service has no key whose use is ${use}`, {
    hint: `ask its operator to add one to keys in countersign.yaml, with use: ${use}`,
  })
}

/**
 * Opens the key of a log, and finds those of its earlier versions, under whichever name: checkpoints they signed
 * are still read.
 *
 * @throws {@link CountersignError} as {@link openKeyOf}
 */
export async function openLogKeys(
  use: 'audit' | 'log',
  keyring: Keyring,
  configured: readonly string[],
): Promise<LogKeys> {
  const { signer } = await openKeyOf(use, keyring, configured)
  const { keys, versions } = keyring.snapshot
  const names = keys.filter((key) => key.use === use).map(({ name }) => name)
  const earlier = versions
    .filter(({ key, publicKey }) => names.includes(key) && publicKey.kid !== signer.key.kid)
    .map(({ publicKey }) => publicKey)
  return { signer, earlier }
}
