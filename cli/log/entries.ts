/** The entries of a log from the newest back, as `log show` looks at them; nothing of them is verified. */
import { CountersignError } from '../../src/errors.ts'
import { parseCheckpoint } from '../../src/formats/checkpoint.ts'
import { parseJson, readObject } from '../../src/formats/json.ts'
import { parseSignedNote } from '../../src/formats/signed-note.ts'
import { type EntryContent, readEntry } from '../../src/log/entry-format.ts'
import type { LogServer } from '../../src/log/http-source.ts'
import { CHECKPOINT_PATH } from '../../src/log/paths.ts'
import { readAhead } from '../../src/log/read-ahead.ts'
import { type LogSource, readEntries, type ReadOptions } from '../../src/log/source.ts'
import { TILE_WIDTH, tileWidth } from '../../src/log/tiles.ts'

/** An entry and its place. */
export interface PlacedEntry extends PlacedLeaf {
  readonly content: EntryContent
}

const MAX_PAGE_BYTES = 24 * 1024 * 1024
const PAGE = 100

/** Leaf data and its place. */
export interface PlacedLeaf {
  readonly index: number
  readonly data: Uint8Array
}

/**
 * Reads all leaves that the newest checkpoint covers, bundle by bundle from the last.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — no checkpoint, or a part is missing or damaged;
 * and those of reading
 */
export async function* newestLeaves(
  source: LogSource,
  options: ReadOptions,
): AsyncGenerator<PlacedLeaf, void, undefined> {
  const note = await source.read(CHECKPOINT_PATH, options)
  if (note === undefined) {
    throw new CountersignError('ERR_LOG_PROOF_INVALID', `no checkpoint in ${source.name}`, {
      hint: 'check that this is the location of a log',
    })
  }
  const { size } = parseCheckpoint(parseSignedNote(note).text)
  const bundles = readAhead(lastBundles(size), async (index) => {
    const width = tileWidth(size, 0, index)
    const entries = await readEntries(source, { level: 'entries', index, width }, options)
    return entries.map((data, place) => ({ index: index * TILE_WIDTH + place, data }))
  })
  for await (const bundle of bundles) yield* bundle.toReversed()
}

/**
 * As {@link newestLeaves}, of an audit log.
 *
 * @throws {@link CountersignError} as above
 */
export async function* newestEntries(
  source: LogSource,
  options: ReadOptions,
): AsyncGenerator<PlacedEntry, void, undefined> {
  for await (const leaf of newestLeaves(source, options)) yield toPlaced(leaf)
}

/**
 * Asks a service for the leaves from an index on, page by page.
 *
 * @throws {@link CountersignError} ERR_JSON_INVALID, ERR_LOG_PROOF_INVALID — the answer is not what it must
 * be; and those of reading
 */
export async function* leavesFrom(
  server: LogServer,
  start: number,
  options: ReadOptions,
): AsyncGenerator<PlacedLeaf, void, undefined> {
  for (let next = start; ;) {
    const query = new URLSearchParams({ start: String(next), end: String(next + PAGE) })
    const page = await server.get(`entries?${query.toString()}`, MAX_PAGE_BYTES, options)
    const leaves = readLeaves(page ?? new Uint8Array())
    yield* leaves
    if (leaves.length < PAGE || leaves[0]?.index !== next) return
    next += leaves.length
  }
}

function* lastBundles(size: number): Generator<number, void, undefined> {
  for (let index = Math.ceil(size / TILE_WIDTH) - 1; index >= 0; index -= 1) yield index
}

/**
 * Asks a service for the entries with a label, page by page.
 *
 * @throws {@link CountersignError} ERR_JSON_INVALID, ERR_LOG_PROOF_INVALID — the answer is not what it must
 * be; and those of reading
 */
export async function* labelledEntries(
  server: LogServer,
  label: string,
  options: ReadOptions,
): AsyncGenerator<PlacedEntry, void, undefined> {
  for (let before = Number.MAX_SAFE_INTEGER; ;) {
    const query = new URLSearchParams({ label, before: String(before), limit: String(PAGE) })
    const page = await server.get(`entries?${query.toString()}`, MAX_PAGE_BYTES, options)
    const entries = readPage(page ?? new Uint8Array())
    yield* entries
    const last = entries.at(-1)
    // A server that answers the same page again would never end.
    if (last === undefined || entries.length < PAGE || last.index >= before) return
    before = last.index
  }
}

/**
 * Asks a service where the newest leaf with a label is; proved by nothing.
 *
 * @throws {@link CountersignError} as {@link labelledEntries}
 */
export async function findLabelled(
  server: LogServer,
  label: string,
  options: ReadOptions,
): Promise<number | undefined> {
  const query = new URLSearchParams({ label, limit: '1' })
  const page = await server.get(`entries?${query.toString()}`, MAX_PAGE_BYTES, options)
  return page && readLeaves(page)[0]?.index
}

function readPage(bytes: Uint8Array): readonly PlacedEntry[] {
  return readLeaves(bytes).map(toPlaced)
}

function toPlaced({ index, data }: PlacedLeaf): PlacedEntry {
  const read = (): EntryContent => readEntry(data)
  return { index, data, content: readListed(read, { publicEntry: undefined }) }
}

/**
 * Reads a leaf that is only listed: one that may not be skipped, since it is of a later version, is listed too.
 *
 * @throws {@link CountersignError} whatever else keeps it from being read
 */
export function readListed<T, Facts>(
  read: () => T,
  facts: Facts,
): T | ({ readonly kind: 'unknown'; readonly why: string } & Facts) {
  try {
    return read()
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_FORMAT_UNSUPPORTED')) throw error
    return { kind: 'unknown', why: error.message, ...facts }
  }
}

function readLeaves(bytes: Uint8Array): readonly PlacedLeaf[] {
  const page = readObject(parseJson(bytes, { maxBytes: MAX_PAGE_BYTES }), malformed, 'answer')
  return page.objects('entries').map((listed) => ({
    index: listed.count('index'),
    data: Buffer.from(JSON.stringify(listed.object('entry').json)),
  }))
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `the list of entries is malformed: ${why}`)
}
