/** Reading what was moved out of a database, verified by what the database has kept. */
import { HASH_BYTES } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import type { LogReader } from './log-records.ts'
import { TileArchive } from './tile-archive.ts'
import { TILE_WIDTH } from './tiles.ts'

/** What of a log its database has for ever: tiles from level 1 on. */
type UpperTiles = Pick<LogReader, 'tile'>

/**
 * Finds the root of a full tile of level 0 in the tile above it.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the database lacks it
 */
export async function rootOfTile(log: UpperTiles, index: number): Promise<Uint8Array> {
  const place = (index % TILE_WIDTH) * HASH_BYTES
  const above = await log.tile(1, Math.floor(index / TILE_WIDTH))
  const root = above?.subarray(place, place + HASH_BYTES)
  if (root?.length === HASH_BYTES) return root
  throw new CountersignError('ERR_LOG_PROOF_INVALID', `the root of tile 0/${index} is missing`, {
    hint: 'the database was changed by hand: restore it from a backup',
    details: { level: 0, tile: index },
  })
}

/**
 * Reads a full tile of level 0 that was moved.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it is missing or another; ERR_STORE_UNAVAILABLE;
 * ERR_CONFIG_INVALID — log.tiles does not say where it is
 */
export async function readMovedTile(
  log: UpperTiles,
  archive: TileArchive | undefined,
  index: number,
): Promise<Uint8Array> {
  if (archive === undefined) throw nowhere()
  return archive.readTile(index, await rootOfTile(log, index))
}

/**
 * Reads the leaf data of a bundle that was moved.
 *
 * @throws {@link CountersignError} as {@link readMovedTile}
 */
export async function readMovedLeaves(
  log: UpperTiles,
  archive: TileArchive | undefined,
  index: number,
): Promise<readonly Uint8Array[]> {
  if (archive === undefined) throw nowhere()
  const tile = (await log.tile(0, index)) ?? new Uint8Array()
  return archive.readLeaves(index, tile)
}

function nowhere(): CountersignError {
  const message =
    'entries were moved out of the database, and log.tiles does not say where they are'
  return new CountersignError('ERR_CONFIG_INVALID', message, {
    hint: 'set log.tiles to the folder or bucket that it was set to',
  })
}

/**
 * Makes sure that an archive has what was moved into it, by the first and the last bundle.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — it does not; ERR_STORE_UNAVAILABLE — that cannot be known
 */
export async function assertArchived(
  log: Pick<LogReader, 'tile' | 'moved'>,
  archive: TileArchive | undefined,
): Promise<void> {
  const bundles = Math.floor((await log.moved()) / TILE_WIDTH)
  if (bundles === 0) return
  if (archive === undefined) throw nowhere()
  // Without what the other one remembers.
  const fresh = new TileArchive(archive.storage)
  for (const index of new Set([0, bundles - 1])) {
    try {
      const tile = await readMovedTile(log, fresh, index)
      await fresh.readLeaves(index, tile)
    } catch (cause) {
      if (!CountersignError.is(cause, 'ERR_LOG_PROOF_INVALID')) throw cause
      throw new CountersignError('ERR_CONFIG_INVALID', `wrong log.tiles: ${cause.message}`, {
        hint: `${bundles} bundles of entries were moved out of the database: set log.tiles to where they are, or copy them there (${archive.storage.name})`,
        details: cause.details,
        cause,
      })
    }
  }
}
