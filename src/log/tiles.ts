/**
 * Tiles (C2SP tlog-tiles): the tree cut into pieces of 256 hashes, each a file of its own that never
 * changes once it is full. Tiles of level L hold the roots of complete subtrees of 256^L leaves.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { StoredTile } from './log-records.ts'
import { EMPTY_ROOT, HASH_BYTES, nodeHash, rootOf } from './merkle.ts'
import type { ReadNode } from './proofs.ts'

/** Hashes in a full tile, entries in a full bundle. */
export const TILE_WIDTH = 256
const TILE_HEIGHT = 8

/** Reads a tile, as much of it as there is. */
export type ReadTile = (level: number, index: number) => Promise<Uint8Array | undefined>

/** Cuts the bytes of a tile into its hashes. */
export function splitTile(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.floor(bytes.length / HASH_BYTES) }, (_, index) =>
    bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  )
}

/** How many hashes a tile has in a tree of `size` leaves; 0 where it is beyond its end. */
export function tileWidth(size: number, level: number, index: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level)
  return Math.min(TILE_WIDTH, Math.max(0, hashes - index * TILE_WIDTH))
}

/** Levels that a tree of `size` leaves has tiles of. */
export function tileLevels(size: number): number {
  let levels = 0
  for (let hashes = size; hashes >= 1; hashes = Math.floor(hashes / TILE_WIDTH)) levels += 1
  return levels
}

/**
 * Looks nodes up in tiles; each tile is read once.
 *
 * @throws {@link CountersignError} from the look-up: ERR_LOG_PROOF_INVALID — a tile is missing or too short
 */
export function nodesOfTiles(readTile: ReadTile): ReadNode {
  const read = new Map<string, Promise<Uint8Array | undefined>>()
  return async (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT)
    const width = 2 ** (level % TILE_HEIGHT)
    const first = index * width
    const tileIndex = Math.floor(first / TILE_WIDTH)
    const name = `${tileLevel}/${tileIndex}`
    const tile = read.get(name) ?? readTile(tileLevel, tileIndex)
    read.set(name, tile)
    const offset = first % TILE_WIDTH
    const hashes = splitTile((await tile) ?? new Uint8Array()).slice(offset, offset + width)
    if (hashes.length === width) return rootOf(hashes)
    throw new CountersignError('ERR_LOG_PROOF_INVALID', `tile ${name} of the log is incomplete`, {
      details: { level: tileLevel, tile: tileIndex },
    })
  }
}

/** A growing tree, of which only its right edge is kept: at each level the tile that is not full. */
export class TreeEdge {
  #size: number
  /** By level; changed by append alone. */
  readonly #tiles: EdgeTile[]

  constructor(size = 0, hashes: readonly (readonly Uint8Array[])[] = []) {
    this.#size = size
    this.#tiles = hashes.map((level) => new EdgeTile(level))
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size
  }

  /** Adds the hash of a leaf; answers the tiles that are full by it, lowest first. */
  append(leaf: Uint8Array): readonly StoredTile[] {
    this.#size += 1
    const full: StoredTile[] = []
    let hash = leaf
    for (let level = 0; ; level += 1) {
      const tile = (this.#tiles[level] ??= new EdgeTile())
      tile.push(hash)
      if (tile.width < TILE_WIDTH) return full
      full.push(this.#stored(level, tile))
      hash = tile.rootBelow(undefined) ?? hash
      this.#tiles[level] = new EdgeTile()
    }
  }

  /** The tiles that are not full, lowest first. */
  partialTiles(): readonly StoredTile[] {
    return this.#tiles.flatMap((tile, level) =>
      tile.width === 0 ? [] : [this.#stored(level, tile)],
    )
  }

  /** Root over all leaves. */
  root(): Uint8Array {
    let root: Uint8Array | undefined
    for (const tile of this.#tiles) root = tile.rootBelow(root)
    return root ?? EMPTY_ROOT
  }

  #stored(level: number, tile: EdgeTile): StoredTile {
    const last = Math.floor(this.#size / TILE_WIDTH ** level) - 1
    return { level, index: Math.floor(last / TILE_WIDTH), hashes: tile.bytes() }
  }
}

/** The hashes of a tile, and the roots of the complete subtrees above them. */
class EdgeTile {
  readonly #hashes: Uint8Array[] = []
  /** Largest first: one for each bit of the width. What is complete is hashed once, not at every root. */
  readonly #subtrees: Uint8Array[] = []

  constructor(hashes: readonly Uint8Array[] = []) {
    for (const hash of hashes) this.push(hash)
  }

  get width(): number {
    return this.#hashes.length
  }

  push(hash: Uint8Array): void {
    this.#hashes.push(hash)
    let root = hash
    for (let width = this.width; width % 2 === 0; width /= 2) {
      const left = this.#subtrees.pop()
      if (left !== undefined) root = nodeHash(left, root)
    }
    this.#subtrees.push(root)
  }

  /** Root over these hashes and, right of them, what `right` is the root of. */
  rootBelow(right: Uint8Array | undefined): Uint8Array | undefined {
    return this.#subtrees.reduceRight<Uint8Array | undefined>(
      (root, subtree) => (root === undefined ? subtree : nodeHash(subtree, root)),
      right,
    )
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#hashes)
  }
}

/**
 * Reads the right edge of a tree of `size` leaves from its tiles.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — a tile of it is missing or too short
 */
export async function readTreeEdge(size: number, readTile: ReadTile): Promise<TreeEdge> {
  const levels = Array.from({ length: tileLevels(size) }, async (_, level) => {
    const hashes = Math.floor(size / TILE_WIDTH ** level)
    const width = hashes % TILE_WIDTH
    if (width === 0) return []
    const index = Math.floor(hashes / TILE_WIDTH)
    const edge = splitTile((await readTile(level, index)) ?? new Uint8Array()).slice(0, width)
    if (edge.length === width) return edge
    const message = `tile ${level}/${index} of the log is incomplete`
    throw new CountersignError('ERR_LOG_PROOF_INVALID', message, {
      details: { level, tile: index },
    })
  })
  return new TreeEdge(size, await Promise.all(levels))
}
