/** Proofs of inclusion and consistency (RFC 6962 section 2.1), by a tree of our own that is small enough to see. */
import { digest, hex, type MadeCase, type MadeGroup, type Maker } from './made.ts'

/** The vectors of Merkle proofs. */
export const merkleProofs: Maker = {
  format: 'merkle-proofs',
  made: 'Trees over the leaves "leaf 0", "leaf 1", …; proofs by the definition of RFC 6962, then every hash, size and index is changed. Hashes are in hex; a proof is joined by blanks.',
  make: () => [inclusions(), consistencies()],
}

type Hash = Buffer

function leafOf(index: number): Hash {
  return digest('sha256', Buffer.concat([Buffer.of(0), Buffer.from(`leaf ${index}`)]))
}

function nodeOf(left: Hash, right: Hash): Hash {
  return digest('sha256', Buffer.concat([Buffer.of(1), left, right]))
}

/** The largest power of two below a size. */
function split(size: number): number {
  return 2 ** Math.floor(Math.log2(size - 1))
}

function rootOf(leaves: readonly Hash[]): Hash {
  const [first] = leaves
  if (first === undefined) return digest('sha256', Buffer.alloc(0))
  if (leaves.length === 1) return first
  const left = split(leaves.length)
  return nodeOf(rootOf(leaves.slice(0, left)), rootOf(leaves.slice(left)))
}

/** PATH(m, D[n]). */
function path(index: number, leaves: readonly Hash[]): readonly Hash[] {
  if (leaves.length === 1) return []
  const left = split(leaves.length)
  if (index < left) return [...path(index, leaves.slice(0, left)), rootOf(leaves.slice(left))]
  return [...path(index - left, leaves.slice(left)), rootOf(leaves.slice(0, left))]
}

/** SUBPROOF(m, D[n], b). */
function subproof(size: number, leaves: readonly Hash[], isWhole: boolean): readonly Hash[] {
  if (size === leaves.length) return isWhole ? [] : [rootOf(leaves)]
  const left = split(leaves.length)
  if (size <= left) {
    return [...subproof(size, leaves.slice(0, left), isWhole), rootOf(leaves.slice(left))]
  }
  return [...subproof(size - left, leaves.slice(left), false), rootOf(leaves.slice(0, left))]
}

function treeOf(size: number): readonly Hash[] {
  return Array.from({ length: size }, (_, index) => leafOf(index))
}

function flip(hash: Hash, bit = 0): Hash {
  const changed = Buffer.from(hash)
  changed[bit >> 3] = changed.readUInt8(bit >> 3) ^ (1 << (bit & 7))
  return changed
}

const join = (hashes: readonly Hash[]): string => hashes.map(hex).join(' ')

interface Inclusion {
  readonly index: number
  readonly size: number
  readonly leaf: Hash
  readonly root: Hash
  readonly proof: readonly Hash[]
}

function inclusionOf(index: number, size: number): Inclusion {
  const leaves = treeOf(size)
  return { index, size, leaf: leafOf(index), root: rootOf(leaves), proof: path(index, leaves) }
}

function inclusionCase(id: string, comment: string, given: Inclusion, valid = false): MadeCase {
  const { index, leaf, proof, root, size } = given
  return { id, comment, index, size, leaf: hex(leaf), root: hex(root), proof: join(proof), valid }
}

function inclusions(): MadeGroup {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17]
  const right = sizes.flatMap((size) =>
    [...new Set([0, 1, size >> 1, size - 2, size - 1])]
      .filter((index) => index >= 0 && index < size)
      .map((index) =>
        inclusionCase(
          `right-${index}-of-${size}`,
          `leaf ${index} of ${size}`,
          inclusionOf(index, size),
          true,
        ),
      ),
  )
  const bases = [inclusionOf(2, 7), inclusionOf(6, 7), inclusionOf(0, 8), inclusionOf(0, 1)]
  return {
    group: 'inclusion',
    kind: 'inclusion',
    cases: [...right, ...bases.flatMap(changedInclusions)],
  }
}

function changedInclusions(base: Inclusion): readonly MadeCase[] {
  const { index, leaf, proof, root, size } = base
  const zero = Buffer.alloc(32)
  const changes: readonly (readonly [string, string, Partial<Inclusion>])[] = [
    ['root', 'another root', { root: flip(root) }],
    ['leaf', 'another leaf', { leaf: flip(leaf, 255) }],
    ['leaf-other', 'the next leaf', { leaf: leafOf(index + 1) }],
    ['size-double', 'twice the size', { size: size * 2 }],
    ['size-0', 'the size 0', { size: 0 }],
    ['index-size', 'the index is the size', { index: size }],
    ['index-more', 'the next index', { index: index + 1 }],
    ['proof-more', 'a hash more at the end', { proof: [...proof, zero] }],
    ['proof-more-first', 'a hash more at the start', { proof: [zero, ...proof] }],
    ['proof-root', 'the root at the end', { proof: [...proof, root] }],
    ['proof-leaf', 'the leaf at the start', { proof: [leaf, ...proof] }],
    ['short-root', 'a root of 31 bytes', { root: root.subarray(0, 31) }],
    ['short-leaf', 'a leaf of 31 bytes', { leaf: leaf.subarray(0, 31) }],
    ...(proof.length === 0
      ? []
      : ([
          ['proof-none', 'no hash', { proof: [] }],
          ['proof-less', 'without its last hash', { proof: proof.slice(0, -1) }],
          ['proof-less-first', 'without its first hash', { proof: proof.slice(1) }],
          ['proof-reversed', 'in the other order', { proof: proof.toReversed() }],
          ['proof-twice', 'the first hash twice', { proof: [...proof.slice(0, 1), ...proof] }],
          ['root-as-leaf', 'the root as the leaf, without a proof', { leaf: root, proof: [] }],
          ['size-1', 'the size 1', { index: 0, size: 1 }],
          ...proof.map(
            (hash, at) =>
              [
                `proof-${at}`,
                `hash ${at} changed`,
                { proof: proof.with(at, flip(hash, 8 * at)) },
              ] as const,
          ),
        ] as const)),
  ]
  // A path that reads the same from both ends is right in the other order too.
  const isSame = (change: Partial<Inclusion>): boolean =>
    change.proof !== undefined && join(change.proof) === join(proof)
  return changes
    .filter(([, , change]) => !isSame(change) || change.leaf !== undefined)
    .map(([id, comment, change]) =>
      inclusionCase(`${index}-of-${size}-${id}`, comment, { ...base, ...change }),
    )
}

interface Consistency {
  readonly from: number
  readonly to: number
  readonly fromRoot: Hash
  readonly toRoot: Hash
  readonly proof: readonly Hash[]
}

function consistencyOf(from: number, to: number): Consistency {
  const leaves = treeOf(to)
  const proof = from === 0 ? [] : subproof(from, leaves, true)
  return { from, to, fromRoot: rootOf(treeOf(from)), toRoot: rootOf(leaves), proof }
}

function consistencyCase(
  id: string,
  comment: string,
  given: Consistency,
  { valid = false, rule = '' } = {},
): MadeCase {
  const { from, fromRoot, proof, to, toRoot } = given
  return {
    id,
    comment,
    from,
    to,
    fromRoot: hex(fromRoot),
    toRoot: hex(toRoot),
    proof: join(proof),
    valid,
    ...(rule !== '' && { rule }),
  }
}

function consistencies(): MadeGroup {
  const pairs = [
    [1, 1],
    [1, 2],
    [1, 8],
    [2, 3],
    [3, 4],
    [3, 7],
    [4, 7],
    [4, 8],
    [6, 7],
    [6, 8],
    [7, 8],
    [8, 8],
    [8, 9],
    [8, 16],
    [9, 17],
    [16, 17],
  ] as const
  const right = pairs.map(([from, to]) =>
    consistencyCase(
      `right-${from}-to-${to}`,
      `from ${from} to ${to} leaves`,
      consistencyOf(from, to),
      { valid: true },
    ),
  )
  const fromNothing = consistencyOf(0, 7)
  const bases = [consistencyOf(3, 7), consistencyOf(4, 8), consistencyOf(6, 8)]
  return {
    group: 'consistency',
    kind: 'consistency',
    cases: [
      ...right,
      consistencyCase('right-0-to-7', 'from the empty tree', fromNothing, {
        valid: true,
        rule: 'the empty tree is the beginning of every tree (RFC 9162 section 2.1.4)',
      }),
      consistencyCase(
        '0-to-7-root',
        'from an empty tree with another root',
        { ...fromNothing, fromRoot: Buffer.alloc(32) },
        {
          rule: 'the root of the empty tree is the hash of nothing (RFC 6962 section 2.1)',
        },
      ),
      consistencyCase('0-to-7-proof', 'from the empty tree with a hash', {
        ...fromNothing,
        proof: [Buffer.alloc(32)],
      }),
      ...bases.flatMap(changedConsistencies),
    ],
  }
}

function changedConsistencies(base: Consistency): readonly MadeCase[] {
  const { from, fromRoot, proof, to, toRoot } = base
  const zero = Buffer.alloc(32)
  const changes: readonly (readonly [string, string, Partial<Consistency>])[] = [
    ['from-root', 'another smaller root', { fromRoot: flip(fromRoot) }],
    ['to-root', 'another larger root', { toRoot: flip(toRoot, 255) }],
    ['roots-exchanged', 'the roots exchanged', { fromRoot: toRoot, toRoot: fromRoot }],
    ['sizes-exchanged', 'the sizes exchanged', { from: to, to: from }],
    ['back', 'a log that went back', { from: to, to: from, fromRoot: toRoot, toRoot: fromRoot }],
    ['from-more', 'a smaller size one larger', { from: from + 1 }],
    ['from-less', 'a smaller size one less', { from: from - 1 }],
    ['to-double', 'twice the larger size', { to: to * 2 }],
    ['same-size', 'two roots of one size', { from: to }],
    ['same-root', 'one root of two sizes', { toRoot: fromRoot }],
    ['proof-none', 'no hash', { proof: [] }],
    ['proof-less', 'without its last hash', { proof: proof.slice(0, -1) }],
    ['proof-less-first', 'without its first hash', { proof: proof.slice(1) }],
    ['proof-more', 'a hash more at the end', { proof: [...proof, zero] }],
    ['proof-more-first', 'a hash more at the start', { proof: [zero, ...proof] }],
    ['proof-root', 'the smaller root at the start', { proof: [fromRoot, ...proof] }],
    ['short-root', 'a root of 31 bytes', { toRoot: toRoot.subarray(0, 31) }],
    ...proof.map(
      (hash, at) =>
        [
          `proof-${at}`,
          `hash ${at} changed`,
          { proof: proof.with(at, flip(hash, 8 * at)) },
        ] as const,
    ),
  ]
  return changes.map(([id, comment, change]) =>
    consistencyCase(`${from}-to-${to}-${id}`, comment, { ...base, ...change }),
  )
}
