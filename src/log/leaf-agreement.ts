/** Whether an entry of the audit log and the leaf of the transparency log that it names record one event. */
import { contradiction } from './contradiction.ts'
import type { LogEntry, StateFacts } from './entry.ts'
import { isStockLeaf } from './public-leaf.ts'
import type { LeafContent, LeafReader } from './read-leaf.ts'

/**
 * Compares what both record: of a change all of it, of a signature the key version, and of a file's own signature
 * the digest. A leaf of a later release is not compared.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — they differ; and those of reading the leaf
 */
export function assertLeafAgrees(
  index: number,
  entry: LogEntry,
  { data, reader }: { readonly data: Uint8Array; readonly reader: LeafReader },
): void {
  const leaf = reader.read(data)
  if (leaf.kind === 'unknown') return
  if (entry.type === 'state') {
    const isSame = leaf.kind === 'state' && textOf(leaf.state) === textOf(entry)
    if (!isSame) throw contradiction(index, 'the leaf that it names records another change')
  } else if (entry.type === 'signature' || entry.type === 'attestation') {
    const why = differenceOf(entry, leaf, isStockLeaf(data))
    if (why !== undefined) throw contradiction(index, `the leaf that it names is about ${why}`)
  }
}

function differenceOf(
  { digests, key, predicateType, type }: Extract<LogEntry, { type: 'signature' | 'attestation' }>,
  leaf: LeafContent,
  isStock: boolean,
): string | undefined {
  if (leaf.kind !== 'signature' || leaf.kid !== key.kid) return 'another key version'
  // A file is signed as it is; of a statement the leaf has the digest of its envelope.
  const isFile = type === 'signature' && predicateType === undefined && isStock
  const named: readonly string[] = digests
  return isFile && !named.includes(leaf.digest) ? 'another file' : undefined
}

/** What both logs record of a change, in one form. */
function textOf(facts: StateFacts): string {
  const { key, use, from, to, action, time, compromisedSince, certificatesSha256 } = facts
  const { name, version, kid } = key
  const members = [name, version, kid, use, from, to, action, time, compromisedSince]
  return JSON.stringify([...members, certificatesSha256, facts.sequence])
}
