/**
 * The keyring: what this replica knows of all keys, and the signers of those that may sign.
 *
 * @packageDocumentation
 */
import type { Key, KeyUse, KeyVersion } from '../keys/key.ts'
import type { Signer } from '../signing/signer.ts'

/** All keys at one moment. */
export interface KeyringSnapshot {
  /** Of the newest publication. */
  readonly sequence: number
  readonly keys: readonly Key[]
  readonly versions: readonly KeyVersion[]
}

/** A version that may sign now, with its handle. */
export interface ActiveSigner {
  readonly key: Key
  readonly version: KeyVersion
  readonly signer: Signer
}

/** What the service signs with. */
export interface Keyring {
  readonly snapshot: KeyringSnapshot
  /**
   * Opens the active version of a key.
   *
   * @throws CountersignError ERR_KEY_NOT_FOUND — no such key; ERR_KEY_NOT_USABLE — its use is another, or
   * no version is active; and the errors of its backend
   */
  activeSigner(key: string, use: KeyUse): Promise<ActiveSigner>
  /** Calls back after every change of the snapshot; returns how to stop. */
  onChange(listener: (snapshot: KeyringSnapshot) => void): () => void
  /** Reads the store now; the snapshot is then at least as new as this call. */
  refresh(): Promise<void>
}
