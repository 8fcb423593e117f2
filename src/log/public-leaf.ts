/**
 * Leaves of the transparency log, which is public: about each released signature a Rekor v2 entry, or one
 * of ours where stock verifiers agree on none, and about each change of a key version an entry of ours. Nothing
 * in them says who asked, why, or for which artifact beyond the digest that was signed.
 *
 * @packageDocumentation
 */
import { leafHash } from '../crypto/merkle.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { HASHEDREKORD_KIND, type SignatureFacts } from '../formats/hashedrekord.ts'
import { LEAF_KINDS, serializeSignatureLeaf } from '../formats/signature-leaf.ts'
import type { Leaf } from './append-leaves.ts'
import type { LogEntry } from './entry.ts'
import { serializeStateLeaf } from './leaf-format.ts'

/** Its one form begins with these. */
const STOCK_START = Buffer.from(
  JSON.stringify({
    apiVersion: HASHEDREKORD_KIND.version,
    kind: HASHEDREKORD_KIND.kind,
  }).slice(0, -1),
)

/** The leaf about a signature. */
export function signatureLeaf(key: PublicKeyInfo, signed: SignatureFacts): Leaf {
  const data = serializeSignatureLeaf(key, signed)
  return { data, labels: isStockLeaf(data) ? [] : [leafLabel(data)] }
}

/** The leaf about a change of a key version; undefined for any other entry. */
export function stateLeafOf(entry: LogEntry): Leaf | undefined {
  if (entry.type !== 'state') return undefined
  // Its codec leaves out the caller and the reason.
  const data = serializeStateLeaf({ kind: LEAF_KINDS.state, spec: entry })
  return { data, labels: [stateLabel(entry.key.kid)] }
}

/** Whether a leaf is of the kind that stock verifiers read in a bundle. */
export function isStockLeaf(leaf: Uint8Array): boolean {
  return Buffer.from(leaf).subarray(0, STOCK_START.length).equals(STOCK_START)
}

/** By which a leaf that no bundle proves is found: its own hash. */
export function leafLabel(data: Uint8Array): string {
  return `leaf:${Buffer.from(leafHash(data)).toString('hex')}`
}

/** By which all changes of a version are found. */
export function stateLabel(kid: string): string {
  return `state:${kid}`
}
