/**
 * Where a log is read from: by path (C2SP tlog-tiles), so that one verifier reads it over HTTP, from an
 * exported folder and from a store. Whatever is read is attacker-controlled.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { readFileBounded, hasErrno } from '../files.ts'
import { MAX_NOTE_BYTES } from '../formats/signed-note.ts'
import { join } from 'node:path'
import { MAX_LOGGED_BUNDLE_BYTES, parseEntryBundle, serializeEntryBundle } from './entry-bundle.ts'
import type { LogReader } from './log-records.ts'
import { HASH_BYTES } from '../crypto/merkle.ts'
import {
  CHECKPOINT_PATH,
  formatTilePath,
  parseTilePath,
  type TileName,
  WITNESSED_PATH,
} from './paths.ts'
import { TILE_WIDTH } from './tiles.ts'

/** What reading takes beside the path. */
export interface ReadOptions {
  readonly signal?: AbortSignal | undefined
}

/** Reads the files of a log; undefined if absent. */
export interface LogSource {
  /** Where that is, for people. */
  readonly name: string
  read(path: string, options?: ReadOptions): Promise<Uint8Array | undefined>
}

/** Longest file under a path of a log. */
export function maxBytesOf(path: string): number {
  if (path === CHECKPOINT_PATH || path === WITNESSED_PATH) return MAX_NOTE_BYTES
  return parseTilePath(path)?.level === 'entries'
    ? MAX_LOGGED_BUNDLE_BYTES
    : TILE_WIDTH * HASH_BYTES
}

/** Reads a log that was exported to a folder. */
export function openLogFolder(folder: string): LogSource {
  return {
    name: folder,
    read: async (path) => {
      try {
        return await readFileBounded(join(folder, path), maxBytesOf(path))
      } catch (error) {
        if (hasErrno(error, 'ENOENT') || hasErrno(error, 'ENOTDIR')) return undefined
        throw error
      }
    },
  }
}

/** Reads the log of a store. */
export function openStoredLog(log: LogReader): LogSource {
  return {
    name: 'the store',
    read: async (path) => {
      if (path === CHECKPOINT_PATH) {
        const checkpoint = await log.checkpoint()
        return checkpoint && Buffer.from(checkpoint.note)
      }
      if (path === WITNESSED_PATH) {
        const checkpoint = await log.witnessed()
        return checkpoint && Buffer.from(checkpoint.note)
      }
      const tile = parseTilePath(path)
      return tile && readStoredTile(log, tile)
    },
  }
}

/** Less than was asked for is nothing: a partial tile is named by its width. */
async function readStoredTile(
  log: LogReader,
  { level, index, width }: TileName,
): Promise<Uint8Array | undefined> {
  if (level === 'entries') {
    const start = index * TILE_WIDTH
    const entries = await log.entries(start, start + width)
    return entries.length === width ? serializeEntryBundle(entries) : undefined
  }
  const hashes = await log.tile(level, index)
  const bytes = width * HASH_BYTES
  return hashes !== undefined && hashes.length >= bytes ? hashes.subarray(0, bytes) : undefined
}

/**
 * Reads a tile of hashes of a width; where a log that has grown since offers only the full tile, its
 * beginning.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it is not there, or not of that length
 */
export async function readHashTile(
  source: LogSource,
  tile: TileName,
  options?: ReadOptions,
): Promise<Uint8Array> {
  const { bytes, width } = await readPart(source, tile, options)
  if (bytes.length !== width * HASH_BYTES) throw wrongLength(tile, `${bytes.length} bytes`)
  return bytes.subarray(0, tile.width * HASH_BYTES)
}

/**
 * Reads the leaf data of a bundle of entries, as {@link readHashTile}.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it is not there, damaged, or has fewer or more
 */
export async function readEntries(
  source: LogSource,
  tile: TileName,
  options?: ReadOptions,
): Promise<readonly Uint8Array[]> {
  const { bytes, width } = await readPart(source, tile, options)
  const entries = parseEntryBundle(bytes)
  if (entries.length !== width) throw wrongLength(tile, `${entries.length} entries`)
  return entries.slice(0, tile.width)
}

async function readPart(
  source: LogSource,
  tile: TileName,
  options: ReadOptions | undefined,
): Promise<{ readonly bytes: Uint8Array; readonly width: number }> {
  const { width } = tile
  const bytes = await source.read(formatTilePath(tile), options)
  if (bytes !== undefined) return { bytes, width }
  const full = { ...tile, width: TILE_WIDTH }
  const whole = width === TILE_WIDTH ? undefined : await source.read(formatTilePath(full), options)
  if (whole !== undefined) return { bytes: whole, width: TILE_WIDTH }
  const path = formatTilePath(tile)
  throw new CountersignError('ERR_LOG_PROOF_INVALID', `${path} of the log is missing`, {
    hint: `nothing is at that path in ${source.name}`,
    details: { tile: path },
  })
}

function wrongLength(tile: TileName, found: string): CountersignError {
  const path = formatTilePath(tile)
  const message = `${path} of the log has ${found}, not what its name says`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, { details: { tile: path } })
}
