/**
 * Tiles (C2SP tlog-tiles): the tree cut into pieces of 256 hashes, each a file of its own that never
 * changes once it is full. Tiles of level L hold the roots of complete subtrees of 256^L leaves.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { StoredTile } from './log-records.ts'
import { EMPTY_ROOT, HASH_BYTES, nodeHash, rootOf } from '../crypto/merkle.ts'
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

/**
 * A growing tree, of which only its right edge is kept: at each level the tile that is not full, and, until
 * {@link TreeEdge.settle}, those that were filled.
 */
export class TreeEdge {
  #size: number
  /** By level; changed by append alone. */
  readonly #tiles: EdgeTile[]
  /** Tiles that were filled since the last settling, by level and index. */
  readonly #filled = new Map<string, EdgeTile>()

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
      const stored = this.#stored(level, tile)
      full.push(stored)
      this.#filled.set(`${level}/${stored.index}`, tile)
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

  /**
   * Root of a complete subtree, as {@link nodesOfTiles} looks it up: all that inclusion proofs of leaves need
   * that were appended since the last settling.
   *
   * @throws RangeError — it is left of what is kept
   */
  node(level: number, index: number): Uint8Array {
    const tileLevel = Math.floor(level / TILE_HEIGHT)
    const height = level % TILE_HEIGHT
    const width = TILE_WIDTH / 2 ** height
    const tileIndex = Math.floor(index / width)
    const hashes = Math.floor(this.#size / TILE_WIDTH ** tileLevel)
    const isPartial = tileIndex === Math.floor(hashes / TILE_WIDTH)
    const tile = isPartial ? this.#tiles[tileLevel] : this.#filled.get(`${tileLevel}/${tileIndex}`)
    const node = tile?.node(height, index % width)
    if (node === undefined) throw new RangeError(`node ${level}/${index} is not at the edge`)
    return node
  }

  /** Forgets the tiles that are full. */
  settle(): void {
    this.#filled.clear()
  }

  #stored(level: number, tile: EdgeTile): StoredTile {
    const last = Math.floor(this.#size / TILE_WIDTH ** level) - 1
    return { level, index: Math.floor(last / TILE_WIDTH), hashes: tile.bytes() }
  }
}

/** The hashes of a tile, and the roots of all complete subtrees above them: each is hashed once. */
class EdgeTile {
  /** By height above the hashes. */
  readonly #nodes: Uint8Array[][] = Array.from({ length: TILE_HEIGHT + 1 }, () => [])

  constructor(hashes: readonly Uint8Array[] = []) {
    for (const hash of hashes) this.push(hash)
  }

  get width(): number {
    return this.#nodes[0]?.length ?? 0
  }

  push(hash: Uint8Array): void {
    let root = hash
    for (const nodes of this.#nodes) {
      nodes.push(root)
      const left = nodes.at(-2)
      if (nodes.length % 2 === 1 || left === undefined) return
      root = nodeHash(left, root)
    }
  }

  node(height: number, index: number): Uint8Array | undefined {
    return this.#nodes[height]?.[index]
  }

  /** Root over these hashes and, right of them, what `right` is the root of. */
  rootBelow(right: Uint8Array | undefined): Uint8Array | undefined {
    let root = right
    for (const nodes of this.#nodes) {
      // The last of an odd number is below no node of this tile.
      const last = nodes.length % 2 === 1 ? nodes.at(-1) : undefined
      if (last !== undefined) root = root === undefined ? last : nodeHash(last, root)
    }
    return root
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#nodes[0] ?? [])
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
