/**
 * Full tiles and entry bundles of a log outside of its database. Nothing that is read there is trusted: each tile
 * has to hash to its root, which the tile above it in the database has, and each leaf to its hash in the tile.
 *
 * @packageDocumentation
 */
import { HASH_BYTES, leafHash, rootOf } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import type { ObjectStorage } from '../storage/object-storage.ts'
import { MAX_LOGGED_BUNDLE_BYTES, parseEntryBundle } from './entry-bundle.ts'
import { formatTilePath } from './paths.ts'
import { splitTile, TILE_WIDTH } from './tiles.ts'

/** What is read again soon is kept up to so many bytes. */
const CACHE_BYTES = 16 * 1024 * 1024

/** Reads what was moved out of a database. */
export class TileArchive {
  readonly storage: ObjectStorage
  /** Objects that were verified, by path; the one that was read last is the last. */
  readonly #verified = new Map<string, Uint8Array>()
  #bytes = 0

  constructor(storage: ObjectStorage) {
    this.storage = storage
  }

  /**
   * Reads a full tile of hashes of level 0.
   *
   * @param root - of its subtree
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it is missing, or another; ERR_STORE_UNAVAILABLE
   */
  readTile(index: number, root: Uint8Array): Promise<Uint8Array> {
    const path = formatTilePath({ level: 0, index, width: TILE_WIDTH })
    return this.#read(path, (bytes) => {
      const hashes = splitTile(bytes)
      const isFull = bytes.length === TILE_WIDTH * HASH_BYTES
      return isFull && Buffer.from(rootOf(hashes)).equals(root)
    })
  }

  /**
   * Reads the leaf data of a full bundle.
   *
   * @param tile - the hashes of its leaves
   * @throws {@link CountersignError} as {@link TileArchive.readTile}
   */
  async readLeaves(index: number, tile: Uint8Array): Promise<readonly Uint8Array[]> {
    const path = formatTilePath({ level: 'entries', index, width: TILE_WIDTH })
    const bytes = await this.#read(path, (bundle) => isBundleOf(parseEntryBundle(bundle), tile))
    return parseEntryBundle(bytes)
  }

  async #read(path: string, isIt: (bytes: Uint8Array) => boolean): Promise<Uint8Array> {
    const known = this.#verified.get(path)
    if (known !== undefined) {
      this.#keep(path, known)
      return known
    }
    const bytes = await readArchived(this.storage, path)
    if (bytes === undefined) throw wrongObject(path, 'is missing')
    if (!isIt(bytes)) throw wrongObject(path, 'is not what the log has')
    this.#keep(path, bytes)
    return bytes
  }

  #keep(path: string, bytes: Uint8Array): void {
    if (!this.#verified.delete(path)) this.#bytes += bytes.length
    this.#verified.set(path, bytes)
    for (const [oldest, { length }] of this.#verified) {
      if (this.#bytes <= CACHE_BYTES) return
      this.#verified.delete(oldest)
      this.#bytes -= length
    }
  }
}

/** Whether leaves are those whose hashes a full tile has. */
export function isBundleOf(leaves: readonly Uint8Array[], tile: Uint8Array): boolean {
  const hashes = splitTile(tile)
  return (
    leaves.length === TILE_WIDTH &&
    hashes.length === TILE_WIDTH &&
    leaves.every((leaf, place) => Buffer.from(leafHash(leaf)).equals(hashes[place] ?? Buffer.of()))
  )
}

/**
 * Reads a tile or bundle as it is stored; undefined if absent.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it is larger than any; ERR_STORE_UNAVAILABLE
 */
export async function readArchived(
  storage: ObjectStorage,
  path: string,
): Promise<Uint8Array | undefined> {
  try {
    return (await storage.read(path, MAX_LOGGED_BUNDLE_BYTES))?.bytes
  } catch (cause) {
    if (CountersignError.is(cause, 'ERR_INPUT_TOO_LARGE')) throw wrongObject(path, 'is too large')
    throw unreachable(cause)
  }
}

/** What keeps an archive from being read or written passes, as far as callers are concerned. */
export function unreachable(cause: unknown): unknown {
  if (!CountersignError.is(cause) || cause.code === 'ERR_STORE_UNAVAILABLE') return cause
  const message = 'the tiles that were moved out of the database cannot be reached'
  return new CountersignError('ERR_STORE_UNAVAILABLE', message, {
    hint: `${cause.message}; see log.tiles`,
    details: cause.details,
    cause,
  })
}

/** Makes the error of an object that is not what the tree says. */
export function wrongObject(path: string, why: string): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `${path}, kept by log.tiles, ${why}`, {
    hint: 'restore it from an export of the log or an earlier version in the bucket, or set log.tiles to where it is',
    reason: 'log-object-damaged',
    details: { tile: path },
  })
}
