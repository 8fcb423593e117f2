/**
 * Making proofs (RFC 6962 section 2.1.1 and 2.1.2) of a tree whose complete subtrees can be looked up.
 *
 * @packageDocumentation
 */
import { EMPTY_ROOT, leftSize, nodeHash } from '../crypto/merkle.ts'

/** Looks up the root of the complete subtree over the leaves from `index * 2^level` on. */
export type ReadNode = (level: number, index: number) => Promise<Uint8Array>

/** Root of the tree's first `size` leaves. */
export function treeRoot(size: number, node: ReadNode): Promise<Uint8Array> {
  return size === 0 ? Promise.resolve(EMPTY_ROOT) : rangeRoot(0, size, node)
}

/** Root over the leaves from `start`, which is a multiple of a power of two not below `size`. */
async function rangeRoot(start: number, size: number, node: ReadNode): Promise<Uint8Array> {
  const level = Math.round(Math.log2(size))
  if (2 ** level === size) return node(level, start / size)
  const left = leftSize(size)
  const hashes = await Promise.all([
    rangeRoot(start, left, node),
    rangeRoot(start + left, size - left, node),
  ])
  return nodeHash(...hashes)
}

/**
 * Makes the proof that the leaf at `index` is in the tree of `size`.
 *
 * @throws RangeError — it is not
 */
export function proveInclusion(
  index: number,
  size: number,
  node: ReadNode,
): Promise<readonly Uint8Array[]> {
  if (!(index >= 0 && index < size)) throw new RangeError(`no leaf ${index} among ${size}`)
  return pathBelow(index, { start: 0, size }, node)
}

interface Range {
  readonly start: number
  readonly size: number
}

async function pathBelow(
  index: number,
  { start, size }: Range,
  node: ReadNode,
): Promise<readonly Uint8Array[]> {
  if (size === 1) return []
  const { left, right } = halves({ start, size })
  const [within, beside] = index < right.start ? [left, right] : [right, left]
  const path = await pathBelow(index, within, node)
  return [...path, await rangeRoot(beside.start, beside.size, node)]
}

function halves({ start, size }: Range): { readonly left: Range; readonly right: Range } {
  const left = leftSize(size)
  return { left: { start, size: left }, right: { start: start + left, size: size - left } }
}

/**
 * Makes the proof that the tree of size `from` is the beginning of the tree of size `to`.
 *
 * @throws RangeError — it is larger
 */
export async function proveConsistency(
  from: number,
  to: number,
  node: ReadNode,
): Promise<readonly Uint8Array[]> {
  if (!(from >= 0 && from <= to)) throw new RangeError(`${from} leaves do not begin ${to}`)
  return from === 0 ? [] : growthBelow(from, { start: 0, size: to }, node)
}

/** `end` is where the smaller tree ends. */
async function growthBelow(
  end: number,
  { start, size }: Range,
  node: ReadNode,
): Promise<readonly Uint8Array[]> {
  if (end === start + size) return start === 0 ? [] : [await rangeRoot(start, size, node)]
  const { left, right } = halves({ start, size })
  const [within, beside] = end <= right.start ? [left, right] : [right, left]
  const path = await growthBelow(end, within, node)
  return [...path, await rangeRoot(beside.start, beside.size, node)]
}
