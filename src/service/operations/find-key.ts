/** Finding the key that a request names. */
import { CountersignError } from '../../errors.ts'
import type { Key } from '../../keys/key.ts'
import type { Keyring } from '../../rotation/keyring.ts'

/**
 * Finds a key that the service has.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND
 */
export function findKey({ snapshot }: Pick<Keyring, 'snapshot'>, name: string): Key {
  const key = snapshot.keys.find((candidate) => candidate.name === name)
  if (key !== undefined) return key
  throw new CountersignError('ERR_KEY_NOT_FOUND', `there is no key "${name}"`, {
    hint: 'check the name; the configuration of the service defines keys',
    details: { key: name },
  })
}
