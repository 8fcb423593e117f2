import { CountersignError } from '../errors.ts'
import type { Key } from '../keys/key.ts'
import { assertSameRules } from './key-rules.ts'
import type { Keyring } from './keyring.ts'

/**
 * A keyring that signs with the keys of the configuration alone, and only by the rules that the store has too.
 * What a key may sign, its claim rules among it, stands in the configuration: one that left it must not go on
 * without them, and one that has other rules there must not go on beside the replicas that keep those of the
 * store. Their versions stay published.
 */
export function configuredKeyring(keyring: Keyring, configured: readonly Key[]): Keyring {
  return {
    get snapshot() {
      return keyring.snapshot
    },
    activeSigner: async (name, use) => {
      const stored = keyring.snapshot.keys.find((key) => key.name === name)
      if (stored !== undefined) assertConfigured(stored, configured)
      return keyring.activeSigner(name, use)
    },
    onChange: (listener) => keyring.onChange(listener),
    refresh: () => keyring.refresh(),
  }
}

function assertConfigured(stored: Key, configured: readonly Key[]): void {
  const own = configured.find(({ name }) => name === stored.name)
  if (own === undefined) throw notConfigured(stored.name)
  assertSameRules(stored, own)
}

/** Makes the error of a key that the configuration no longer has. */
export function notConfigured(name: string): CountersignError {
  const message = `the key "${name}" can't sign: it is not in the configuration of this service`
  return new CountersignError('ERR_KEY_NOT_USABLE', message, {
    hint: 'choose another key, or put it back into countersign.yaml with its rules',
    details: { key: name },
  })
}
