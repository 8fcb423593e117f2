/** The checkpoint beside the tiles of a log, which makes them a complete log for readers. */
import { HASH_BYTES } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import { parseCheckpoint } from '../formats/checkpoint.ts'
import { MAX_NOTE_BYTES, parseSignedNote } from '../formats/signed-note.ts'
import type { ObjectStorage, StoredObject } from '../storage/object-storage.ts'
import { serializeEntryBundle } from './entry-bundle.ts'
import type { LogReader, StoredCheckpoint } from './log-records.ts'
import { CHECKPOINT_PATH } from './paths.ts'
import { unreachable } from './tile-archive.ts'
import { putTile, type TileWriter } from './tile-writer.ts'
import { TILE_WIDTH, tileLevels } from './tiles.ts'

/** A checkpoint as it was found. */
export interface PublishedCheckpoint extends Pick<StoredObject, 'version'> {
  readonly size: number
}

/**
 * Reads the checkpoint of a place; undefined if absent. It proves nothing, and keeps tiles from being
 * written into the log of another service, or the private ones into the public log.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — the place has another log, or something else;
 * ERR_STORE_BEHIND — it has more entries than the store; ERR_STORE_UNAVAILABLE
 */
export async function readPublished(
  storage: ObjectStorage,
  { log, origin }: { readonly log: Pick<LogReader, 'head'>; readonly origin: string },
): Promise<PublishedCheckpoint | undefined> {
  const stored = await storage.read(CHECKPOINT_PATH, MAX_NOTE_BYTES).catch((cause: unknown) => {
    throw unreachable(cause)
  })
  if (stored === undefined) return undefined
  const found = parsePublished(stored)
  if (found?.origin !== origin) throw anotherLog(found?.origin, origin, storage)
  const { size } = await log.head()
  if (size < found.size) throw behind(found.size, size, storage)
  return { version: stored.version, size: found.size }
}

function parsePublished({ bytes }: StoredObject): { origin: string; size: number } | undefined {
  try {
    return parseCheckpoint(parseSignedNote(bytes).text)
  } catch (error) {
    if (CountersignError.is(error)) return undefined
    throw error
  }
}

/** What is published, and over what. */
export interface Publication {
  readonly log: LogReader
  /** All full tiles that it covers are in the place. */
  readonly due: StoredCheckpoint
  readonly published: PublishedCheckpoint | undefined
}

/**
 * Publishes a checkpoint with the partial tiles that it needs; answers their paths, or undefined where one as
 * large is there.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — other tiles are there; ERR_STORE_UNAVAILABLE
 */
export async function publishCheckpoint(
  writer: TileWriter,
  { due, log, published }: Publication,
): Promise<readonly string[] | undefined> {
  if (published !== undefined && published.size >= due.size) return undefined
  const paths: string[] = []
  for (let level = 0; level < tileLevels(due.size); level += 1) {
    const hashes = Math.floor(due.size / TILE_WIDTH ** level)
    const name = { level, index: Math.floor(hashes / TILE_WIDTH), width: hashes % TILE_WIDTH }
    if (name.width === 0) continue
    const tile = (await log.tile(level, name.index)) ?? new Uint8Array()
    paths.push(await putTile(writer, name, tile.subarray(0, name.width * HASH_BYTES)))
  }
  const width = due.size % TILE_WIDTH
  if (width > 0) {
    const bundle = serializeEntryBundle(await log.entries(due.size - width, due.size))
    const index = Math.floor(due.size / TILE_WIDTH)
    paths.push(await putTile(writer, { level: 'entries', index, width }, bundle))
  }
  const { isPublic, storage } = writer
  const cacheControl = isPublic ? 'public, max-age=1' : 'no-store'
  const headers = { contentType: 'text/plain; charset=utf-8', cacheControl }
  try {
    await storage.write(CHECKPOINT_PATH, Buffer.from(due.note), { seen: published, headers })
  } catch (cause) {
    throw unreachable(cause)
  }
  return paths
}

function anotherLog(
  found: string | undefined,
  origin: string,
  { name }: ObjectStorage,
): CountersignError {
  const what = found === undefined ? 'something that is not a checkpoint' : `the log "${found}"`
  return new CountersignError(
    'ERR_CONFIG_INVALID',
    `log.tiles names a place with ${what}, expected "${origin}"; nothing is written there`,
    {
      hint: `give each log a place of its own (${name}); for a log that goes on under a new name, copy its full tiles to a new place and set log.tiles to that`,
    },
  )
}

function behind(published: number, size: number, { name }: ObjectStorage): CountersignError {
  const message = `the store is older than it once was: its log has ${size} entries, and ${published} were published by log.tiles`
  return new CountersignError('ERR_STORE_BEHIND', message, {
    hint: `was the database restored from a backup? follow docs/runbooks/restore.md; the place is ${name}`,
    details: { size, published },
  })
}
