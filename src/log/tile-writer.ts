/** Writing the files of a log where others read them as they are. */
import type { ObjectHeaders, ObjectStorage } from '../storage/object-storage.ts'
import { formatTilePath, type TileName } from './paths.ts'
import { readArchived, unreachable, wrongObject } from './tile-archive.ts'
import { TILE_WIDTH } from './tiles.ts'

/** Where files go, and whether shared caches may keep them. */
export interface TileWriter {
  readonly storage: ObjectStorage
  readonly isPublic: boolean
}

/** How long caches may keep a part of a log: none changes, but what follows a partial one is asked for soon. */
export function cacheControlOf(width: number, isPublic: boolean): string {
  if (!isPublic) return 'no-store'
  return width === TILE_WIDTH ? 'public, max-age=31536000, immutable' : 'public, max-age=3600'
}

/**
 * Writes a tile or bundle where none exists, reads it back and compares it; answers its path.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — other bytes are there; they stay; ERR_STORE_UNAVAILABLE
 */
export async function putTile(
  { isPublic, storage }: TileWriter,
  tile: TileName,
  bytes: Uint8Array,
): Promise<string> {
  const path = formatTilePath(tile)
  const headers: ObjectHeaders = {
    contentType: 'application/octet-stream',
    cacheControl: cacheControlOf(tile.width, isPublic),
  }
  try {
    await storage.write(path, bytes, { seen: undefined, headers })
  } catch (cause) {
    throw unreachable(cause)
  }
  const stored = await readArchived(storage, path)
  if (stored === undefined) throw wrongObject(path, 'is missing right after it was written')
  if (Buffer.from(stored).equals(bytes)) return path
  throw wrongObject(path, 'has other bytes than the database')
}
