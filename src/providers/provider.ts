/**
 * The one small interface behind which keys live, and what callers say to it. Capabilities beyond
 * it are interfaces of their own, found by asking.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import type { CauseNames } from '../basics/error-cause.ts'
import { CountersignError, type ErrorCode } from '../errors.ts'
import type { Signer } from '../signing/signer.ts'
import type { KeyUri } from './key-uri.ts'

/** How to read a key that exists. */
export interface OpenKeyOptions {
  /** Pins the algorithm where the key allows several (RSA); default: the key's usual one. */
  readonly algorithm?: AlgorithmName | undefined
  readonly signal?: AbortSignal | undefined
}

/** A key to be made. */
export interface CreateKeyRequest {
  /** Where, and under which name, in the provider's own URI form. */
  readonly uri: KeyUri
  readonly algorithm: AlgorithmName
  /** Modulus length of an RSA key in bits; default 3072. */
  readonly rsaBits?: 2048 | 3072 | 4096 | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Modulus length of the RSA key that is to be made; 3072 bits where the request names none. Requests
 * reach this from command lines and HTTP, so the type alone is not a guarantee.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — not 2048, 3072 or 4096
 */
export function requestedRsaBits(request: CreateKeyRequest): number {
  const bits: number = request.rsaBits ?? 3072
  if ([2048, 3072, 4096].includes(bits)) return bits
  throw new CountersignError('ERR_KEY_INVALID', `no RSA keys of ${bits} bits are made`, {
    hint: 'choose 2048, 3072 or 4096 bits',
  })
}

/**
 * Opens and makes keys in one file tree, token or account. Once disposed it refuses every call with
 * ERR_PROVIDER_UNAVAILABLE; disposing twice does no harm.
 */
export interface KeyProvider extends AsyncDisposable {
  /**
   * Reads the public key, without signing anything.
   *
   * @throws {@link CountersignError} ERR_KEY_NOT_FOUND, ERR_KEY_INVALID, ERR_KEY_URI_INVALID, and what
   * the backend's outages and refusals map to (ERR_PROVIDER_UNAVAILABLE, ERR_NOT_ALLOWED, …)
   */
  describe(uri: KeyUri, options?: OpenKeyOptions): Promise<PublicKeyInfo>
  /** Opens a key for signing; the Signer holds a handle and the pinned public key. */
  open(uri: KeyUri, options?: OpenKeyOptions): Promise<Signer>
  /**
   * Makes a key pair that never leaves the backend and answers the URI that pins it.
   *
   * @throws {@link CountersignError} ERR_KEY_EXISTS — a key of that name is already there
   */
  create(request: CreateKeyRequest): Promise<KeyUri>
}

/** Makes the error of a reference that reached the provider of another scheme. */
export function wrongScheme(expected: KeyUri['scheme'], { scheme }: KeyUri): TypeError {
  return new TypeError(`expected a reference with ${expected}:, got ${scheme}:`)
}

/** Makes the error of a provider that is called after it was disposed. */
export function disposedProvider(name: string): CountersignError {
  return new CountersignError('ERR_PROVIDER_UNAVAILABLE', `the ${name} provider is shut down`)
}

/** One thing `countersign doctor` looked at. */
export interface Diagnosis extends CauseNames {
  /** Short stable name of the check: `credentials`, `key-state`, `sign-permission`… */
  readonly check: string
  readonly ok: boolean
  /** What was found, for people. */
  readonly found: string
  /** Why it failed, as the error of an operation that met it would; only where `ok` is false. */
  readonly code?: ErrorCode
  /** What to do about it; only where `ok` is false. */
  readonly hint?: string
  /** The error that was met, where its reason lets a surface say what to type. */
  readonly error?: CountersignError
}

/** A provider that can say what is wrong with a key, without making a signature that counts. */
export interface KeyDiagnostics {
  diagnose(uri: KeyUri, options?: OpenKeyOptions): Promise<readonly Diagnosis[]>
}

/** Whether a provider can diagnose keys. */
export function canDiagnose(provider: KeyProvider): provider is KeyProvider & KeyDiagnostics {
  return 'diagnose' in provider
}

/** A provider that holds credentials which others renew. */
export interface CredentialRenewal {
  /** Asks for credentials again where they come from; answers whether any differ from those in use. */
  renewCredentials(): Promise<boolean>
}

/** Whether a provider holds credentials that can be asked for again. */
export function canRenewCredentials(
  provider: KeyProvider,
): provider is KeyProvider & CredentialRenewal {
  return 'renewCredentials' in provider
}
