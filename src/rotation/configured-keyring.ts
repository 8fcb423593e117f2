import { CountersignError } from '../errors.ts'
import type { Keyring } from './keyring.ts'

/**
 * A keyring that signs with the keys of the configuration alone. What a key may sign, its claim rules among
 * it, stands there: one that left it must not go on without them. Its versions stay published.
 */
export function configuredKeyring(keyring: Keyring, configured: readonly string[]): Keyring {
  return {
    get snapshot() {
      return keyring.snapshot
    },
    activeSigner: (name, use) => {
      const isKnown = keyring.snapshot.keys.some((key) => key.name === name)
      if (isKnown && !configured.includes(name)) return Promise.reject(notConfigured(name))
      return keyring.activeSigner(name, use)
    },
    onChange: (listener) => keyring.onChange(listener),
    refresh: () => keyring.refresh(),
  }
}

/** Makes the error of a key that the configuration no longer has. */
export function notConfigured(name: string): CountersignError {
  const message = `the key "${name}" can't sign: it is not in the configuration of this service`
  return new CountersignError('ERR_KEY_NOT_USABLE', message, {
    hint: 'choose another key, or put it back into countersign.yaml with its rules',
    details: { key: name },
  })
}
