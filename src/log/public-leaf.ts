/**
 * Leaves of the transparency log, which everybody reads: about each released signature a Rekor v2 entry, or one
 * of ours where stock verifiers agree on none, and about each change of a key version an entry of ours. Nothing
 * in them says who asked, why, or for which artifact beyond the digest that was signed.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { HASHEDREKORD_KIND, type SignatureFacts } from '../formats/hashedrekord.ts'
import { LEAF_VERSION, serializeSignatureLeaf, LEAF_KINDS } from '../formats/signature-leaf.ts'
import type { Leaf } from './append-leaves.ts'
import type { LogEntry, StateFacts } from './entry.ts'
import { leafHash } from '../crypto/merkle.ts'

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
  const data = serialize(LEAF_KINDS.state, stateSpec(entry))
  return { data, labels: [stateLabel(entry.key.kid)] }
}

/** Without the caller and the reason. */
function stateSpec(entry: StateFacts): object {
  const { key, use, from, to, action, time } = entry
  const { compromisedSince, certificatesSha256, sequence } = entry
  const { name, version, kid } = key
  const change = { key: { name, version, kid }, use, from, to, action, time }
  return { ...change, compromisedSince, certificatesSha256, sequence }
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

function serialize(kind: string, spec: object): Uint8Array {
  return Buffer.from(JSON.stringify({ apiVersion: LEAF_VERSION, kind, spec }))
}
