/**
 * The Merkle tree of RFC 6962 section 2.1: hashes of leaves and nodes, and the two proofs as a verifier
 * checks them. Sizes and indices are whole numbers up to 2^53 - 1.
 *
 * @packageDocumentation
 */
import { hashBytes } from './digest.ts'
import { CountersignError } from '../errors.ts'

/** Bytes of every hash in the tree. */
export const HASH_BYTES = 32
/** No tree within the bounds of sizes is higher, so no proof is longer. */
export const MAX_PROOF_HASHES = 64
const LEAF_PREFIX = Buffer.of(0)
const NODE_PREFIX = Buffer.of(1)

/** Root of the tree without leaves. */
export const EMPTY_ROOT: Uint8Array = hashBytes('sha256', new Uint8Array())

/** Hash of a leaf; its prefix keeps it apart from every node's. */
export function leafHash(data: Uint8Array): Uint8Array {
  return hashBytes('sha256', Buffer.concat([LEAF_PREFIX, data]))
}

/** Hash of the node above two others. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hashBytes('sha256', Buffer.concat([NODE_PREFIX, left, right]))
}

/** Root of the tree over some hashes of one level; the number of them need not be a power of two. */
export function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  const [first, second] = hashes
  if (first === undefined) return EMPTY_ROOT
  if (second === undefined) return first
  const left = leftSize(hashes.length)
  return nodeHash(rootOf(hashes.slice(0, left)), rootOf(hashes.slice(left)))
}

/** How many of `size` leaves (at least 2) are left of the root: the largest power of two below it. */
export function leftSize(size: number): number {
  let power = 1
  // Not with bit operations: they end at 32 bits.
  while (power * 2 < size) power *= 2
  return power
}

function invalid(why: string): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `the log's proof is wrong: ${why}`, {
    hint: 'do not trust the answer; ask the owner of the log',
  })
}

function assertSizes(...sizes: readonly number[]): void {
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw invalid('a size or index is not a whole number within bounds')
  }
}

function assertHashes(hashes: readonly Uint8Array[]): void {
  if (hashes.length > MAX_PROOF_HASHES) throw invalid('it is too long')
  if (!hashes.every(({ length }) => length === HASH_BYTES)) throw invalid('a hash is not 32 bytes')
}

function assertRoot(computed: Uint8Array, root: Uint8Array): void {
  if (!Buffer.from(computed).equals(root)) throw invalid('it leads to another root')
}

/** That one leaf is in a tree. */
export interface Inclusion {
  readonly index: number
  readonly size: number
  readonly leaf: Uint8Array
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/**
 * Verifies that a leaf is at its index in the tree of that size and root. All of it may be
 * attacker-controlled but the root.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it does not follow
 */
export function verifyInclusion({ index, size, leaf, root, proof }: Inclusion): void {
  assertSizes(index, size)
  assertHashes([...proof, leaf, root])
  if (index >= size) throw invalid(`entry ${index} is not among the first ${size}`)
  const rest = [...proof]
  const computed = climb({ index, size, leaf }, rest)
  if (rest.length > 0) throw invalid('it is too long')
  assertRoot(computed, root)
}

/** Root above a leaf, by the hashes beside its path; takes what it uses from the end of `proof`. */
function climb(
  { index, size, leaf }: Pick<Inclusion, 'index' | 'size' | 'leaf'>,
  proof: Uint8Array[],
): Uint8Array {
  if (size === 1) return leaf
  const beside = take(proof)
  const left = leftSize(size)
  if (index < left) return nodeHash(climb({ index, size: left, leaf }, proof), beside)
  return nodeHash(beside, climb({ index: index - left, size: size - left, leaf }, proof))
}

function take(proof: Uint8Array[]): Uint8Array {
  const hash = proof.pop()
  if (hash === undefined) throw invalid('it is too short')
  return hash
}

/** That a tree is the beginning of another. */
export interface Consistency {
  readonly from: { readonly size: number; readonly root: Uint8Array }
  readonly to: { readonly size: number; readonly root: Uint8Array }
  readonly proof: readonly Uint8Array[]
}

/**
 * Verifies that the smaller tree is the beginning of the larger: nothing in it was changed or removed.
 * All of it may be attacker-controlled but the smaller root.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it does not follow, or the log went back
 */
export function verifyConsistency({ from, to, proof }: Consistency): void {
  assertSizes(from.size, to.size)
  assertHashes([...proof, from.root, to.root])
  if (from.size > to.size)
    throw invalid(`the log went back from ${from.size} to ${to.size} entries`)
  if (from.size === 0) assertRoot(EMPTY_ROOT, from.root)
  const rest = [...proof]
  if (from.size > 0) {
    const roots = grow(from.size, to.size, rest, from.root)
    assertRoot(roots.from, from.root)
    assertRoot(roots.to, to.root)
  }
  if (rest.length > 0) throw invalid('it is too long')
}

/**
 * Roots of both trees below one node. `known` is the smaller root as long as the path keeps left: what
 * the proof leaves out, since the verifier has it.
 */
function grow(
  from: number,
  to: number,
  proof: Uint8Array[],
  known: Uint8Array | undefined,
): { readonly from: Uint8Array; readonly to: Uint8Array } {
  if (from === to) {
    const same = known ?? take(proof)
    return { from: same, to: same }
  }
  const beside = take(proof)
  const left = leftSize(to)
  if (from <= left) {
    const below = grow(from, left, proof, known)
    return { from: below.from, to: nodeHash(below.to, beside) }
  }
  const below = grow(from - left, to - left, proof, undefined)
  return { from: nodeHash(beside, below.from), to: nodeHash(beside, below.to) }
}
