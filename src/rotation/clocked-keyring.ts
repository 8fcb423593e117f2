import type { Keyring } from './keyring.ts'

/**
 * A keyring that opens no signer while the clock is wrong.
 *
 * @param assertRight - throws ERR_CLOCK
 */
export function clockedKeyring(keyring: Keyring, assertRight: () => Promise<void>): Keyring {
  return {
    get snapshot() {
      return keyring.snapshot
    },
    activeSigner: async (...asked) => {
      await assertRight()
      return keyring.activeSigner(...asked)
    },
    onChange: (listener) => keyring.onChange(listener),
    refresh: () => keyring.refresh(),
  }
}
