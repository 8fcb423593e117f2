/** The keys the service signs its own documents with: found by their use, whatever they are called. */
import { CountersignError } from '../errors.ts'
import type { LogKeys } from '../log/checkpointer.ts'
import type { KeyUse } from '../keys/key.ts'
import type { ActiveSigner, Keyring } from '../rotation/keyring.ts'

/**
 * Opens the active version of the key of a use.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no key has it; and the errors of the keyring
 */
export async function openKeyOf(use: KeyUse, keyring: Keyring): Promise<ActiveSigner> {
  const key = keyring.snapshot.keys.find((candidate) => candidate.use === use)
  if (key !== undefined) return keyring.activeSigner(key.name, use)
  throw new CountersignError('ERR_KEY_NOT_FOUND', `this service has no key whose use is ${use}`, {
    hint: `whoever runs it adds one to keys in countersign.yaml, with use: ${use}`,
  })
}

/**
 * Opens the log's key, and finds those of its earlier versions: checkpoints they signed are still read.
 *
 * @throws {@link CountersignError} as {@link openKeyOf}
 */
export async function openLogKeys(keyring: Keyring): Promise<LogKeys> {
  const { key, signer } = await openKeyOf('log', keyring)
  const earlier = keyring.snapshot.versions
    .filter((version) => version.key === key.name && version.publicKey.kid !== signer.key.kid)
    .map(({ publicKey }) => publicKey)
  return { signer, earlier }
}
