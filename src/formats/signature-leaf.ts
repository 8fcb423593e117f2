/**
 * Leaves of a transparency log about signatures: a Rekor v2 entry, or a kind of our own where stock verifiers
 * agree on none. A leaf follows from a signature and its key, so verifiers need no other source for it.
 *
 * @packageDocumentation
 */
import { hashBytes } from '../crypto/digest.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { among, type Codec, nested, record, TEXT } from './fields.ts'
import { serializeHashedRekord, type SignatureFacts } from './hashedrekord.ts'

/** Version of the leaves of our own kinds; what a reader must not skip comes under the next one. */
export const LEAF_VERSION = '1'

/** Kinds of our own. */
export const LEAF_KINDS = {
  signature: 'countersign-signature',
  state: 'countersign-key-state',
} as const

/** About a signature of which stock verifiers agree on no entry. */
export interface SignatureLeaf {
  readonly kind: typeof LEAF_KINDS.signature
  readonly spec: {
    readonly kid: string
    readonly algorithm: string
    readonly content: string
    readonly digest: string
    readonly signatureSha256: string
  }
}

/** Its members. */
export const SIGNATURE_LEAF: Codec<SignatureLeaf> = record<SignatureLeaf>({
  kind: among(LEAF_KINDS.signature),
  spec: nested(
    record<SignatureLeaf['spec']>({
      kid: TEXT,
      algorithm: TEXT,
      content: TEXT,
      digest: TEXT,
      signatureSha256: TEXT,
    }),
  ),
})

/**
 * Writes the leaf about a signature: the bytes that are hashed.
 *
 * @example
 * ```ts
 * import { parseBundle, parsePublicKeyPem, serializeSignatureLeaf, signatureFacts } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const key = parsePublicKeyPem(await readFile('release.pub', 'utf8'))
 * const { content } = parseBundle(await readFile('download/app.tar.gz.sigstore.json'))
 * const leaf = serializeSignatureLeaf(key, signatureFacts(content, key))
 * console.log(JSON.parse(Buffer.from(leaf).toString()).kind) // hashedrekord
 * ```
 */
export function serializeSignatureLeaf(key: PublicKeyInfo, signed: SignatureFacts): Uint8Array {
  return serializeHashedRekord(key, signed) ?? serializeOwnLeaf(key, signed)
}

function serializeOwnLeaf(
  { kid, algorithm }: PublicKeyInfo,
  { content, digest, signature }: SignatureFacts,
): Uint8Array {
  const leaf = SIGNATURE_LEAF.write({
    kind: LEAF_KINDS.signature,
    spec: {
      kid,
      // By its one name, whichever of both a key is configured or read with.
      algorithm: algorithm.family === 'ed25519' ? 'EdDSA' : algorithm.name,
      content,
      digest,
      signatureSha256: Buffer.from(hashBytes('sha256', signature)).toString('hex'),
    },
  })
  return Buffer.from(JSON.stringify({ apiVersion: LEAF_VERSION, ...leaf }))
}
