import { CountersignError } from '../errors.ts'
import type { Keyring } from './keyring.ts'
import type { StoreAnchor } from './store-anchor.ts'

/**
 * A keyring that opens no version which was ever revoked, and none at all while the store is behind its anchor.
 * Tokens alone go on: they are verified by the key set of this moment, in which what was lost is not missed, and
 * by nothing that rests on the log or on the numbers of publications.
 */
export function anchoredKeyring(
  keyring: Keyring,
  anchor: Pick<StoreAnchor, 'assertCurrent' | 'revokedSince'>,
): Keyring {
  return {
    get snapshot() {
      return keyring.snapshot
    },
    activeSigner: async (name, use) => {
      if (use !== 'token') anchor.assertCurrent()
      const active = await keyring.activeSigner(name, use)
      const { key, publicKey, version } = active.version
      if (anchor.revokedSince(publicKey.kid) !== undefined) throw revoked(key, version)
      return active
    },
    onChange: (listener) => keyring.onChange(listener),
    refresh: () => keyring.refresh(),
  }
}

function revoked(key: string, version: number): CountersignError {
  const message = `${key}@${version} is revoked, though the store does not have that`
  return new CountersignError('ERR_KEY_REVOKED', message, {
    hint: 'was the database restored from a backup? follow docs/runbooks/restore.md',
    details: { key, version },
  })
}
