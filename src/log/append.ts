/**
 * Appending to the log within a transaction that somebody else opened.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { Appended } from './appender.ts'
import type { LogEntry } from './entry.ts'
import { serializeEntry } from './entry-format.ts'
import { labelsOf } from './entry-labels.ts'
import type { LogHead, LogRecords } from './log-records.ts'
import { leafHash } from './merkle.ts'
import { readTreeEdge, type TreeEdge } from './tiles.ts'

/** An entry in the form it is stored in. */
export interface EncodedEntry {
  readonly entry: LogEntry
  readonly data: Uint8Array
  readonly labels: readonly string[]
}

/**
 * Puts an entry into the form it is stored in.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — it is longer than an entry may be
 */
export function encodeEntry(entry: LogEntry): EncodedEntry {
  return { entry, data: serializeEntry(entry), labels: labelsOf(entry) }
}

/**
 * Appends entries; they are durable together with everything else in the transaction. Locks the log's
 * head until the transaction ends, so it comes last in a transaction that locks other things too.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — an entry is longer than one may be;
 * ERR_LOG_PROOF_INVALID — the stored tree is damaged
 */
export async function appendEntries(
  records: LogRecords,
  entries: readonly LogEntry[],
): Promise<readonly Appended[]> {
  const encoded = entries.map(encodeEntry)
  return appendEncoded(records, await records.lockHead(), encoded)
}

/**
 * The right edge of the tree as the last append left it, so that the next one need not read and hash it
 * again. It is used where it leads to the root at hand, and so never after an append that was undone or
 * one of somebody else.
 */
export interface EdgeMemory {
  edge?: TreeEdge
}

/** As {@link appendEntries}, where the head is locked already. */
export async function appendEncoded(
  records: LogRecords,
  head: LogHead,
  entries: readonly EncodedEntry[],
  memory: EdgeMemory = {},
): Promise<readonly Appended[]> {
  if (entries.length === 0) return []
  const edge = isAt(memory.edge, head) ? memory.edge : await readEdge(records, head)
  memory.edge = edge
  const stored = entries.map(({ data, labels }, place) => ({
    index: head.size + place,
    data,
    labels,
  }))
  const full = stored.flatMap(({ data }) => edge.append(leafHash(data)))
  await records.insertEntries(stored)
  await records.putTiles([...full, ...edge.partialTiles()])
  const latest = entries.reduce(latestAfter, head.latest)
  await records.putHead({ size: edge.size, root: edge.root(), latest })
  return stored.map(({ index }) => ({ index }))
}

/** Times only go forward, except where an entry sets them right. */
function latestAfter(latest: Date | undefined, { entry }: EncodedEntry): Date {
  const { type, time } = entry
  return type === 'clock' || latest === undefined || time > latest ? time : latest
}

async function readEdge(records: LogRecords, head: LogHead): Promise<TreeEdge> {
  const edge = await readTreeEdge(head.size, (level, index) => records.tile(level, index))
  // A tile that does not lead to the root would have every later proof fail.
  if (!isAt(edge, head)) throw damaged(head)
  return edge
}

function isAt(edge: TreeEdge | undefined, { size, root }: LogHead): edge is TreeEdge {
  return edge?.size === size && Buffer.from(root).equals(edge.root())
}

function damaged({ size }: LogHead): CountersignError {
  const message = `the stored tiles of the log do not lead to its root at ${size} entries`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'the database was changed by somebody else: find out with countersign log verify, restore it from a backup',
    details: { size },
  })
}
