/**
 * Entries `hashedrekord` 0.0.2 of a Rekor v2 log (sigstore/rekor-tiles), as a log of ours has them: about a
 * signature by a public key, in the one form of bytes that verifiers build again and compare.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import { encodeBase64 } from '../crypto/base64.ts'
import { type Digest, digestBytes, digestHash } from '../crypto/digest.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'

/** Kind and version as a bundle names them. */
export const HASHEDREKORD_KIND = { kind: 'hashedrekord', version: '0.0.2' } as const

/** What was signed: a file, a DSSE envelope (its PAE), or a payload of the older cosign layout. */
export interface SignatureFacts {
  readonly content: 'envelope' | 'file' | 'payload'
  /** By the hash of the key's algorithm; SHA-256 where that has none. */
  readonly digest: Digest
  /** As in a bundle: ECDSA in DER. */
  readonly signature: Uint8Array
}

/** Sigstore's names (sigstore_common.proto, PublicKeyDetails) of keys whose entries every stock verifier accepts. */
const ECDSA_DETAILS: Readonly<Partial<Record<AlgorithmName, string>>> = {
  ES256: 'PKIX_ECDSA_P256_SHA_256',
  ES384: 'PKIX_ECDSA_P384_SHA_384',
  ES512: 'PKIX_ECDSA_P521_SHA_512',
}
const RSA_BITS: ReadonlySet<number | undefined> = new Set([2048, 3072, 4096])

/**
 * Writes the body of an entry: the bytes that are hashed as a leaf.
 *
 * @returns undefined for an algorithm or form that stock verifiers do not agree on: an envelope by ES384 or
 * ES512, of which some always expect SHA-256, the older layout, and every PSS and EdDSA signature
 */
export function serializeHashedRekord(
  key: PublicKeyInfo,
  { content, digest, signature }: SignatureFacts,
): Uint8Array | undefined {
  const keyDetails = detailsOf(key)
  const hash = digestHash(digest)
  if (keyDetails === undefined || hash !== key.algorithm.hash) return undefined
  if (content === 'payload' || (content === 'envelope' && hash !== 'sha256')) return undefined
  const verifier = { keyDetails, publicKey: { rawBytes: encodeBase64(key.spki) } }
  const hashedRekordV002 = {
    data: { algorithm: `SHA2_${hash.slice(3)}`, digest: encodeBase64(digestBytes(digest)) },
    signature: { content: encodeBase64(signature), verifier },
  }
  const { kind, version: apiVersion } = HASHEDREKORD_KIND
  return Buffer.from(JSON.stringify({ apiVersion, kind, spec: { hashedRekordV002 } }))
}

function detailsOf({ algorithm, keyObject }: PublicKeyInfo): string | undefined {
  if (algorithm.family === 'ecdsa') return ECDSA_DETAILS[algorithm.name]
  const bits = keyObject.asymmetricKeyDetails?.modulusLength
  const isStock = algorithm.name === 'RS256' && RSA_BITS.has(bits)
  return isStock ? `PKIX_RSA_PKCS1V15_${bits}_SHA256` : undefined
}
