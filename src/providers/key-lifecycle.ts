/**
 * What a provider may be able to do with a key beyond opening it: make it so that a crash leaves no
 * orphan, pin it, switch it off, destroy it. Each is an interface of its own, found by asking.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import type { KeyUri } from './key-uri.ts'
import type { CreateKeyRequest, KeyProvider, OpenKeyOptions } from './provider.ts'

/** A key pair that is to be made once, however often the making is interrupted. */
export interface CreateOnceRequest extends CreateKeyRequest {
  /** Random, 16 bytes in hex; kept with the key pair where the backend takes a mark. */
  readonly mark: string
  /** Whether an earlier call with this mark may have got somewhere. */
  readonly isRepeated: boolean
}

/** A provider whose making of a key can be repeated until it is done. */
export interface RepeatableCreation {
  /**
   * Makes a key pair, or takes the one that an earlier call with the same mark made; answers the URI
   * that pins it. What was not made under the mark is never taken.
   *
   * @throws {@link CountersignError} ERR_KEY_EXISTS — another key has the name
   */
  createOnce(request: CreateOnceRequest): Promise<KeyUri>
}

/** A provider that knows whether a name is free without reading a key, which may be encrypted. */
export interface NameCheck {
  /**
   * Makes sure that a key of this name can be made.
   *
   * @throws {@link CountersignError} ERR_KEY_EXISTS
   */
  assertFree(uri: KeyUri): Promise<void>
}

/** A provider whose keys other users of this machine may reach. */
export interface AccessCheck {
  /**
   * Makes sure that a key is its owner's alone.
   *
   * @throws {@link CountersignError} ERR_NOT_ALLOWED — others may use it
   */
  assertPrivate(uri: KeyUri): Promise<void>
}

/** A provider whose references can be loose: an alias that moves, a label without an id. */
export interface KeyPinning {
  /** Answers the reference that means the same key pair for ever. */
  pin(uri: KeyUri, options?: OpenKeyOptions): Promise<KeyUri>
}

/** A key pair, by the reference that pins it and by what it must be. */
export interface PinnedKeyPair {
  readonly uri: KeyUri
  readonly publicKey: PublicKeyInfo
}

/** A provider that can stop a key from signing in its backend, in a way an administrator can undo. */
export interface KeyDisabler {
  /** Stops the backend from signing with a key; one that is already stopped is ignored. */
  disable(pair: PinnedKeyPair): Promise<void>
}

/** What became of a key pair that was to be destroyed. */
export interface Destruction {
  /** When the destruction is final; undefined: now. */
  readonly effectiveAt: Date | undefined
}

/** A provider that can destroy private keys. */
export interface KeyDestroyer {
  /**
   * Destroys a key pair, or has it destroyed at the earliest time the backend allows; one that is gone
   * already stays so.
   *
   * @throws {@link CountersignError} ERR_PROVIDER_FAULT — the reference holds another key: it is left alone
   */
  destroy(pair: PinnedKeyPair): Promise<Destruction>
}

/** A provider whose destructions can be taken back while they are scheduled. */
export interface DestructionCanceller {
  /** Takes a destruction back; the key pair is disabled then. */
  cancelDestruction(pair: PinnedKeyPair): Promise<void>
}

/** Whether a provider's making of keys can be repeated. */
export function canCreateOnce(provider: KeyProvider): provider is KeyProvider & RepeatableCreation {
  return 'createOnce' in provider
}

/** Whether a provider can check a name without reading a key. */
export function canCheckName(provider: KeyProvider): provider is KeyProvider & NameCheck {
  return 'assertFree' in provider
}

/** Whether a provider can check who may use a key. */
export function canCheckAccess(provider: KeyProvider): provider is KeyProvider & AccessCheck {
  return 'assertPrivate' in provider
}

/** Whether a provider has references that need pinning. */
export function canPin(provider: KeyProvider): provider is KeyProvider & KeyPinning {
  return 'pin' in provider
}

/** Whether a provider can disable keys. */
export function canDisable(provider: KeyProvider): provider is KeyProvider & KeyDisabler {
  return 'disable' in provider
}

/** Whether a provider can destroy keys. */
export function canDestroy(provider: KeyProvider): provider is KeyProvider & KeyDestroyer {
  return 'destroy' in provider
}

/** Whether a provider can take destructions back. */
export function canCancelDestruction(
  provider: KeyProvider,
): provider is KeyProvider & DestructionCanceller {
  return 'cancelDestruction' in provider
}
