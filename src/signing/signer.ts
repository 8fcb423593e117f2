/**
 * Signers: a handle on one key version that turns small messages into signatures, and the rule that
 * no signature leaves before the pinned public key has verified it.
 *
 * @packageDocumentation
 */
import { DIGEST_BYTES, hashBytes } from '../crypto/digest.ts'
import { toLowS } from '../crypto/low-s.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { verifyDigest, verifyMessageOnPool } from '../crypto/verify.ts'
import { assertNotCancelled } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'

/** What every signing call takes beside its input. */
export interface SignOptions {
  readonly signal?: AbortSignal | undefined
  /** Who it is for: those who share the quota of a backend take turns. Left out: the process itself. */
  readonly owner?: string | undefined
  /** When the answer is due, in ms since the epoch: until then, failures that pass may be retried. */
  readonly until?: number | undefined
  /**
   * Told the backend's own id of the request that signed, where it has one: what its audit log knows the
   * signature by.
   */
  readonly onBackendRequest?: ((id: string) => void) | undefined
}

/** Signs small messages with one key version. Holds a handle, never key bytes. */
export interface Signer {
  readonly key: PublicKeyInfo
  /**
   * Guarantees a signature that the pinned public key verifies, ECDSA as P1363 with the smaller s.
   *
   * @throws {@link CountersignError} ERR_PROVIDER_FAULT — the backend gave a signature that does not
   * verify; ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted; and the provider's own errors
   */
  sign(message: Uint8Array, options?: SignOptions): Promise<Uint8Array>
}

/** A Signer that can also sign a digest made elsewhere, with the hash of its algorithm. */
export interface DigestSigner extends Signer {
  /**
   * Guarantees the signature that {@link Signer.sign} makes over the message of that digest.
   *
   * @throws RangeError — the digest is not as long as those of the algorithm's hash
   */
  signDigest(digest: Uint8Array, options?: SignOptions): Promise<Uint8Array>
}

/**
 * What a provider implements: the raw operation of one pinned key, unchecked. At least one of the
 * two is there. ECDSA signatures are P1363.
 */
export interface SigningBackend {
  /** Signs a digest of the algorithm's hash as it is, without hashing again. */
  readonly signDigest?: (digest: Uint8Array, options: SignOptions) => Promise<Uint8Array>
  /** Signs a whole message; preferred over `signDigest` where both are there. */
  readonly signMessage?: (message: Uint8Array, options: SignOptions) => Promise<Uint8Array>
}

/**
 * Whether a Signer can sign a digest made elsewhere.
 *
 * @example
 * ```ts
 * import { isDigestSigner, openKey } from 'countersign'
 *
 * await using key = await openKey('awskms:///alias/release')
 * console.log(isDigestSigner(key)) // true
 * ```
 */
export function isDigestSigner(signer: Signer): signer is DigestSigner {
  return 'signDigest' in signer
}

/**
 * Makes sure that a Signer can sign a digest made elsewhere, for callers that have nothing else.
 *
 * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — its backend or algorithm can't
 */
export function assertDigestSigner(signer: Signer): asserts signer is DigestSigner {
  if (isDigestSigner(signer)) return
  const { name } = signer.key.algorithm
  throw new CountersignError(
    'ERR_OPERATION_UNSUPPORTED',
    `this ${name} key can't sign a digest that is already made`,
    {
      hint: 'sign it with an ES256 or RS256 key, or sign a statement about it',
      reason: 'no-digest-signer',
      details: { algorithm: name },
    },
  )
}

/**
 * Builds a Signer over a raw backend. Hashes messages locally for backends that take digests, and
 * checks every signature with the pinned key before it is released: a wrong key, a moved alias, a
 * second hashing or a wrong salt length becomes ERR_PROVIDER_FAULT, never a bad bundle.
 *
 * @example
 * ```ts
 * import { createSigner, parsePublicKeyPem } from 'countersign'
 * import { createPrivateKey, sign } from 'node:crypto'
 * import { readFile } from 'node:fs/promises'
 *
 * const privateKey = createPrivateKey(await readFile('release.pem'))
 * const signer = createSigner(parsePublicKeyPem(await readFile('release.pub', 'utf8')), {
 *   signMessage: async (message) =>
 *     sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
 * })
 * console.log((await signer.sign(Buffer.from('a message'))).length) // 64
 * ```
 */
export function createSigner(key: PublicKeyInfo, backend: SigningBackend): Signer {
  const { signDigest } = backend
  const { hash } = key.algorithm
  const signer: Signer = {
    key,
    sign: async (message, options = {}) => {
      assertNotCancelled(options.signal)
      const signature = toLowS(key.algorithm, await signRaw(key, backend, message, options))
      return released(key, signature, await verifyMessageOnPool(key, message, signature))
    },
  }
  if (signDigest === undefined || hash === undefined) return signer
  const digestSigner: DigestSigner = {
    ...signer,
    signDigest: async (digest, options = {}) => {
      // ECDSA would sign a digest of any length, and it would verify.
      if (digest.length !== DIGEST_BYTES[hash]) throw new RangeError(`not a ${hash} digest`)
      assertNotCancelled(options.signal)
      const signature = toLowS(key.algorithm, await signDigest(digest, options))
      return released(key, signature, await verifyDigest(key, digest, signature))
    },
  }
  return digestSigner
}

function signRaw(
  key: PublicKeyInfo,
  backend: SigningBackend,
  message: Uint8Array,
  options: SignOptions,
): Promise<Uint8Array> {
  if (backend.signMessage !== undefined) return backend.signMessage(message, options)
  const { hash } = key.algorithm
  if (backend.signDigest === undefined || hash === undefined) {
    throw new TypeError('a signing backend needs signMessage, or signDigest and a hash')
  }
  return backend.signDigest(hashBytes(hash, message), options)
}

function released(key: PublicKeyInfo, signature: Uint8Array, verified: boolean): Uint8Array {
  if (verified) return signature
  throw new CountersignError(
    'ERR_PROVIDER_FAULT',
    `the backend's ${key.algorithm.name} signature does not verify with the public key ${key.kid}`,
    {
      hint: 'nothing was released; check that the key reference still points to the same key',
      reason: 'signature-by-other-key',
      details: { kid: key.kid, algorithm: key.algorithm.name },
    },
  )
}
