/**
 * The raw signature check, in three shapes: a message in memory, a message that streams by, and a
 * digest that is already there. ECDSA signatures are P1363 throughout.
 *
 * @packageDocumentation
 */
import { constants, createVerify, publicDecrypt, verify } from 'node:crypto'
import type { Algorithm, EcdsaAlgorithm, RsaAlgorithm } from './algorithms.ts'
import { isEcdsaDer, toX509Signature } from './der.ts'
import { toDigestInfo } from './digest-info.ts'
import { verifyEmsaPss } from './emsa-pss.ts'
import { toNodeKey } from './node-signature.ts'
import type { PublicKeyInfo } from './public-key.ts'
import { nextTurn } from './yield-to-event-loop.ts'

/**
 * Whether `signature` over `message` was made by the key, with its pinned algorithm and no other.
 *
 * @example
 * ```ts
 * import { openKey, verifyMessage } from 'countersign'
 *
 * await using key = await openKey('release.pem')
 * const message = Buffer.from('a small message')
 * console.log(verifyMessage(key.key, message, await key.sign(message))) // true
 * ```
 */
export function verifyMessage(
  key: PublicKeyInfo,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { algorithm, keyObject } = key
  if (!hasRightLength(key, signature)) return false
  const node = toX509Signature(algorithm, signature)
  return verify(algorithm.hash ?? null, message, toNodeKey(algorithm, keyObject), node)
}

/** As {@link verifyMessage}, on node's thread pool, which leaves the caller's thread to others. */
export async function verifyMessageOnPool(
  key: PublicKeyInfo,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { algorithm, keyObject } = key
  if (!hasRightLength(key, signature)) return false
  const node = toX509Signature(algorithm, signature)
  return new Promise((resolve, reject) => {
    verify(
      algorithm.hash ?? null,
      message,
      toNodeKey(algorithm, keyObject),
      node,
      (error, holds) => {
        if (error === null) resolve(holds)
        else reject(error)
      },
    )
  })
}

/**
 * As {@link verifyMessage}, for a signature in the form X.509, Sigstore and OpenSSL write: ECDSA in DER,
 * where anything but its one valid encoding is refused.
 */
export function verifyX509Message(
  key: PublicKeyInfo,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { algorithm, keyObject } = key
  if (algorithm.family !== 'ecdsa') return verifyMessage(key, message, signature)
  // Node reads DER leniently, so the encoding is checked first; then its own bytes are the fastest.
  if (!isEcdsaDer(signature, algorithm.curve)) return false
  return verify(algorithm.hash, message, keyObject, signature)
}

/** Takes a message chunk by chunk and answers once. */
export interface StreamVerifier {
  update(chunk: Uint8Array): void
  /** Whether the signature holds over all chunks; call it once, after the last one. */
  verify(key: PublicKeyInfo, signature: Uint8Array): boolean
}

/** Starts a check over a stream with the algorithm's hash; undefined for Ed25519, which can't stream. */
export function createStreamVerifier(algorithm: Algorithm): StreamVerifier | undefined {
  if (algorithm.hash === undefined) return undefined
  const running = createVerify(algorithm.hash)
  return {
    update: (chunk) => void running.update(chunk),
    verify: (key, signature) =>
      hasRightLength(key, signature) &&
      running.verify(
        toNodeKey(key.algorithm, key.keyObject),
        toX509Signature(key.algorithm, signature),
      ),
  }
}

/**
 * Whether `signature` was made by the key over the message whose digest is given. Node can't check
 * a digest (it hashes again), so ECDSA goes through \@noble/curves (about 40 times slower) and RSA
 * through the raw public operation. Ed25519 has no digest form: always false.
 *
 * @example
 * ```ts
 * import { openKey, verifyDigest } from 'countersign'
 * import { createHash } from 'node:crypto'
 *
 * await using key = await openKey('release.pem')
 * const message = Buffer.from('a small message')
 * const digest = createHash('sha256').update(message).digest()
 * console.log(await verifyDigest(key.key, digest, await key.sign(message))) // true
 * ```
 */
export async function verifyDigest(
  key: PublicKeyInfo,
  digest: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { algorithm } = key
  if (!hasRightLength(key, signature)) return false
  switch (algorithm.family) {
    case 'ecdsa':
      return verifyEcdsaDigest(key, algorithm, digest, signature)
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return verifyRsaDigest(key, algorithm, digest, signature)
    case 'ed25519':
      return false
  }
}

async function verifyEcdsaDigest(
  key: PublicKeyInfo,
  algorithm: EcdsaAlgorithm,
  digest: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { p256, p384, p521 } = await import('@noble/curves/nist.js')
  const curve = { 'P-256': p256, 'P-384': p384, 'P-521': p521 }[algorithm.curve.name]
  await nextTurn()
  // A named-curve SPKI ends in the uncompressed point 0x04 ‖ x ‖ y.
  const point = key.spki.subarray(key.spki.length - 1 - 2 * algorithm.curve.coordinateBytes)
  const options = { prehash: false, lowS: false, format: 'compact' } as const
  try {
    return curve.verify(signature, digest, point, options)
  } catch {
    // noble throws on r or s out of range, where node answers false.
    return false
  }
}

function verifyRsaDigest(
  key: PublicKeyInfo,
  algorithm: RsaAlgorithm,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const open = (padding: number): Buffer =>
    publicDecrypt({ key: key.keyObject, padding }, signature)
  try {
    if (algorithm.family === 'rsa-pkcs1') {
      return open(constants.RSA_PKCS1_PADDING).equals(toDigestInfo(algorithm.hash, digest))
    }
    const bits = key.keyObject.asymmetricKeyDetails?.modulusLength ?? 0
    return verifyEmsaPss(open(constants.RSA_NO_PADDING), digest, algorithm.hash, bits - 1)
  } catch {
    // OpenSSL throws on a signature that is not a valid encoding at all.
    return false
  }
}

/** Lengths are fixed by the key; a signature of another length is not read at all. */
function hasRightLength(key: PublicKeyInfo, signature: Uint8Array): boolean {
  return signature.length === key.signatureBytes
}
