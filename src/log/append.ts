/**
 * Appending to both logs within an open transaction: what is said in the transparency log, and the entries of
 * the audit log that name it.
 *
 * @packageDocumentation
 */
import type { Appended } from './appender.ts'
import { appendLeaves, type EdgeMemory, type Leaf } from './append-leaves.ts'
import type { LogEntry, PublicEntry } from './entry.ts'
import { MAX_ENTRY_BYTES } from './entry-bundle.ts'
import { serializeEntry } from './entry-format.ts'
import { labelsOf } from './entry-labels.ts'
import type { LogHead, LogRecords } from './log-records.ts'
import { leafHash } from '../crypto/merkle.ts'
import { stateLeafOf } from './public-leaf.ts'

/** Both logs, in one transaction. */
export interface TwoLogs {
  /** The audit log. Its head is the lock of both. */
  readonly log: LogRecords
  readonly transparencyLog: LogRecords
}

/** An entry in the form it is stored in, and what the transparency log says of it. */
export interface EncodedEntry {
  readonly entry: LogEntry
  /** Of the audit log, but for where its leaf is. */
  readonly data: Uint8Array
  readonly labels: readonly string[]
  readonly leaf: Leaf | undefined
}

/** The edges of both trees, as the last append left them. */
export interface EdgeMemories {
  readonly audit: EdgeMemory
  readonly transparency: EdgeMemory
}

/** What came of an append: the places of the entries, and the head of the transparency log where it grew. */
export interface AppendedGroup {
  readonly places: readonly Appended[]
  readonly head: LogHead | undefined
}

/** More than naming the public entry adds to an entry. */
const PUBLIC_ENTRY_BYTES = 160

/**
 * Puts an entry into the form it is stored in.
 *
 * @param leaf - what the transparency log says of it; without one, the leaf of a state entry, or none
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — it is longer than an entry may be
 */
export function encodeEntry(
  entry: LogEntry,
  leaf: Leaf | undefined = stateLeafOf(entry),
): EncodedEntry {
  const maxBytes = leaf === undefined ? MAX_ENTRY_BYTES : MAX_ENTRY_BYTES - PUBLIC_ENTRY_BYTES
  return { entry, data: serializeEntry(entry, maxBytes), labels: labelsOf(entry), leaf }
}

/**
 * Appends entries; they are durable together with everything else in the transaction. Locks the head of the
 * audit log until the transaction ends, so it comes last in a transaction that locks other things too.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — an entry is longer than one may be;
 * ERR_LOG_PROOF_INVALID — the stored tree is damaged
 */
export async function appendEntries(
  records: TwoLogs,
  entries: readonly LogEntry[],
): Promise<readonly Appended[]> {
  const encoded = entries.map((entry) => encodeEntry(entry))
  const { places } = await appendEncoded(records, await records.log.lockHead(), encoded)
  return places
}

/** As {@link appendEntries}, where the head is locked already. */
export async function appendEncoded(
  { log, transparencyLog }: TwoLogs,
  head: LogHead,
  entries: readonly EncodedEntry[],
  memories: EdgeMemories = { audit: {}, transparency: {} },
): Promise<AppendedGroup> {
  if (entries.length === 0) return { places: [], head: undefined }
  const published = await appendPublic(transparencyLog, entries, memories.transparency)
  const leaves = entries.map((encoded) => ({
    data: withPublicEntry(encoded.data, published.places.get(encoded)),
    labels: encoded.labels,
  }))
  const latest = entries.reduce(latestAfter, head.latest)
  await appendLeaves(log, head, { leaves, latest }, memories.audit)
  const places = entries.map((encoded, place) => {
    const publicIndex = published.places.get(encoded)?.index
    return { index: head.size + place, ...(publicIndex !== undefined && { publicIndex }) }
  })
  return { places, head: published.head }
}

interface Published {
  readonly places: ReadonlyMap<EncodedEntry, PublicEntry>
  readonly head: LogHead | undefined
}

/** Under the lock of the audit log's head, so no other append is between reading and writing. */
async function appendPublic(
  log: LogRecords,
  entries: readonly EncodedEntry[],
  memory: EdgeMemory,
): Promise<Published> {
  const leaves = entries.flatMap(({ leaf }) => (leaf === undefined ? [] : [leaf]))
  if (leaves.length === 0) return { places: new Map(), head: undefined }
  const head = await log.head()
  const places = new Map<EncodedEntry, PublicEntry>()
  for (const encoded of entries) {
    if (encoded.leaf === undefined) continue
    const leafSha256 = Buffer.from(leafHash(encoded.leaf.data)).toString('hex')
    places.set(encoded, { index: head.size + places.size, leafSha256 })
  }
  const next = await appendLeaves(log, head, { leaves, latest: undefined }, memory)
  return { places, head: next }
}

/** The member comes last in an entry, so the rest need not be written again. */
function withPublicEntry(data: Uint8Array, publicEntry: PublicEntry | undefined): Uint8Array {
  if (publicEntry === undefined) return data
  const member = `,"publicEntry":${JSON.stringify(publicEntry)}}`
  return Buffer.concat([data.subarray(0, -1), Buffer.from(member)])
}

/** Times only go forward, except where an entry sets them right. */
function latestAfter(latest: Date | undefined, { entry }: EncodedEntry): Date {
  const { type, time } = entry
  return type === 'clock' || latest === undefined || time > latest ? time : latest
}
