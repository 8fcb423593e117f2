/**
 * Signing with a private key held by this process.
 *
 * @packageDocumentation
 */
import { constants, type KeyObject, privateEncrypt, sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { Algorithm, EcdsaAlgorithm } from '../../crypto/algorithms.ts'
import { toDigestInfo } from '../../crypto/digest-info.ts'
import { fromX509Signature } from '../../crypto/der.ts'
import { toNodeKey } from '../../crypto/node-signature.ts'
import { nextTurn } from '../../crypto/yield-to-event-loop.ts'
import type { SigningBackend } from '../../signing/signer.ts'

const signLater = promisify(sign)

/**
 * Signs messages on node's thread pool. Signs digests for ECDSA and PKCS#1 only: node hashes whatever
 * it is given, so these go through \@noble/curves and the raw RSA operation; PSS and Ed25519 have no
 * such way.
 */
export function createFileBackend(algorithm: Algorithm, key: KeyObject): SigningBackend {
  const signMessage = (message: Uint8Array): Promise<Uint8Array> =>
    signOnThreadPool(algorithm, key, message)
  switch (algorithm.family) {
    case 'ecdsa':
      return { signMessage, signDigest: (digest) => signEcdsaDigest(algorithm, key, digest) }
    case 'rsa-pkcs1':
      return {
        signMessage,
        signDigest: (digest) => {
          const padded = { key, padding: constants.RSA_PKCS1_PADDING }
          return Promise.resolve(privateEncrypt(padded, toDigestInfo(algorithm.hash, digest)))
        },
      }
    case 'rsa-pss':
    case 'ed25519':
      return { signMessage }
  }
}

async function signOnThreadPool(
  algorithm: Algorithm,
  key: KeyObject,
  message: Uint8Array,
): Promise<Uint8Array> {
  // Read out here: what throws inside of node's callback ends the process.
  const signature = await signLater(algorithm.hash ?? null, message, toNodeKey(algorithm, key))
  return fromX509Signature(algorithm, signature)
}

async function signEcdsaDigest(
  algorithm: EcdsaAlgorithm,
  key: KeyObject,
  digest: Uint8Array,
): Promise<Uint8Array> {
  const { p256, p384, p521 } = await import('@noble/curves/nist.js')
  const curve = { 'P-256': p256, 'P-384': p384, 'P-521': p521 }[algorithm.curve.name]
  await nextTurn()
  const scalar = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')
  // Deterministic nonces (RFC 6979) with fresh randomness mixed in, against fault attacks.
  const nonce = { extraEntropy: true, lowS: false }
  return curve.sign(digest, scalar, { prehash: false, format: 'compact', ...nonce })
}
