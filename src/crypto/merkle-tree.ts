/** A whole Merkle tree (RFC 6962 section 2.1) in memory: 64 bytes a leaf, and a proof for each. */
import { HASH_BYTES, nodeHash } from './merkle.ts'

/** A tree over at least one leaf. */
export class MerkleTree {
  /** Hashes of each level, lowest first; the last is the root alone. */
  readonly #levels: readonly Buffer[]

  /** @param hashes - of the leaves, in order */
  constructor(hashes: readonly Uint8Array[]) {
    if (hashes.length === 0) throw new RangeError('a tree without leaves')
    let level: Buffer = Buffer.concat(hashes)
    const levels = [level]
    while (level.length > HASH_BYTES) {
      level = nodesAbove(level)
      levels.push(level)
    }
    this.#levels = levels
  }

  /** Number of leaves. */
  get size(): number {
    return sizeOf(this.#levels[0])
  }

  /** Root, 32 bytes. */
  get root(): Uint8Array {
    return hashAt(this.#levels.at(-1), 0)
  }

  /** The hashes beside the path from a leaf to the root, lowest first (RFC 6962 section 2.1.1). */
  proofOf(index: number): readonly Uint8Array[] {
    if (!Number.isInteger(index) || index < 0 || index >= this.size) {
      throw new RangeError(`no leaf ${index} in a tree of ${this.size}`)
    }
    return this.#levels.slice(0, -1).flatMap((level, height) => {
      const at = Math.floor(index / 2 ** height)
      const beside = at % 2 === 0 ? at + 1 : at - 1
      // The last of an odd number moves up as it is.
      return beside < sizeOf(level) ? [hashAt(level, beside)] : []
    })
  }
}

function nodesAbove(level: Buffer): Buffer {
  const size = sizeOf(level)
  const above = Buffer.alloc(Math.ceil(size / 2) * HASH_BYTES)
  for (let at = 0; at < size; at += 2) {
    const left = hashAt(level, at)
    above.set(at + 1 < size ? nodeHash(left, hashAt(level, at + 1)) : left, (at / 2) * HASH_BYTES)
  }
  return above
}

function sizeOf(level: Buffer | undefined): number {
  return (level?.length ?? 0) / HASH_BYTES
}

function hashAt(level: Buffer | undefined, index: number): Uint8Array {
  return (level ?? Buffer.alloc(0)).subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
}
