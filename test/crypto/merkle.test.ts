import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  EMPTY_ROOT,
  leafHash,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../../src/crypto/merkle.ts'
import { proveConsistency, proveInclusion, type ReadNode, treeRoot } from '../../src/log/proofs.ts'
import { TreeEdge } from '../../src/log/tiles.ts'
import { codeOf } from '../support/errors.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

const MAX_SIZE = 600
const leaves = Array.from({ length: MAX_SIZE }, (_, index) =>
  leafHash(Buffer.from(`leaf ${index}`)),
)
const roots = new Map<string, Uint8Array>()

/** Looks a node up in a tree that is all in memory. */
const readNode: ReadNode = (level, index) => {
  const name = `${level}/${index}`
  const root = roots.get(name) ?? rootOf(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
  roots.set(name, root)
  return Promise.resolve(root)
}

const size = fc.integer({ min: 1, max: MAX_SIZE })

test('leaves and nodes never hash alike', () => {
  const [a, b] = [leafHash(Buffer.of(1)), leafHash(Buffer.of(2))]

  expect(Buffer.from(nodeHash(a, b))).not.toStrictEqual(
    Buffer.from(leafHash(Buffer.concat([a, b]))),
  )
})

test('the root of every tree up to 600 leaves follows from its complete subtrees', async () => {
  expect(await treeRoot(0, readNode)).toStrictEqual(EMPTY_ROOT)
  const edge = new TreeEdge()
  for (const leaf of leaves) {
    edge.append(leaf)
    expect(await treeRoot(edge.size, readNode)).toStrictEqual(edge.root())
  }
})

test('inclusion of any leaf in any tree is proved', async () => {
  const cases = size.chain((count) =>
    fc.tuple(fc.integer({ min: 0, max: count - 1 }), fc.constant(count)),
  )
  await fc.assert(
    fc.asyncProperty(cases, async ([index, count]) => {
      const proof = await proveInclusion(index, count, readNode)
      const leaf = leaves[index] ?? EMPTY_ROOT

      verifyInclusion({ index, size: count, leaf, root: rootOf(leaves.slice(0, count)), proof })
    }),
  )
})

test('every tree is proved to begin every larger one', async () => {
  await fc.assert(
    fc.asyncProperty(size, size, async (one, another) => {
      const [from, to] = [Math.min(one, another), Math.max(one, another)]
      const proof = await proveConsistency(from, to, readNode)

      verifyConsistency({
        from: { size: from, root: rootOf(leaves.slice(0, from)) },
        to: { size: to, root: rootOf(leaves.slice(0, to)) },
        proof,
      })
    }),
  )
})

test('no proof survives a change of one bit', async () => {
  const bit = fc.nat({ max: 255 })
  await fc.assert(
    fc.asyncProperty(size, size, bit, async (one, another, at) => {
      const [from, to] = [Math.min(one, another), Math.max(one, another)]
      const [oldRoot, newRoot] = [rootOf(leaves.slice(0, from)), rootOf(leaves.slice(0, to))]
      const flip = (hash: Uint8Array): Uint8Array =>
        hash.map((byte, index) => (index === at >> 3 ? byte ^ (1 << (at & 7)) : byte))
      const consistency = await proveConsistency(from, to, readNode)
      for (const index of consistency.keys()) {
        const proof = consistency.map((hash, place) => (place === index ? flip(hash) : hash))
        const claim = {
          from: { size: from, root: oldRoot },
          to: { size: to, root: newRoot },
          proof,
        }
        expect(
          codeOf(() => {
            verifyConsistency(claim)
          }),
        ).toBe('ERR_LOG_PROOF_INVALID')
      }
      const inclusion = await proveInclusion(from - 1, to, readNode)
      const leaf = leaves[from - 1] ?? EMPTY_ROOT
      for (const index of inclusion.keys()) {
        const proof = inclusion.map((hash, place) => (place === index ? flip(hash) : hash))
        const claim = { index: from - 1, size: to, leaf, root: newRoot, proof }
        expect(
          codeOf(() => {
            verifyInclusion(claim)
          }),
        ).toBe('ERR_LOG_PROOF_INVALID')
      }
    }),
    { numRuns: 30 },
  )
})

test('a log that went back is refused, and so is a start that is not empty', () => {
  const [root, other] = [rootOf(leaves.slice(0, 3)), rootOf(leaves.slice(0, 2))]
  const back = { from: { size: 3, root }, to: { size: 2, root: other }, proof: [] }
  const start = { from: { size: 0, root }, to: { size: 3, root }, proof: [] }

  expect(
    codeOf(() => {
      verifyConsistency(back)
    }),
  ).toBe('ERR_LOG_PROOF_INVALID')
  expect(
    codeOf(() => {
      verifyConsistency(start)
    }),
  ).toBe('ERR_LOG_PROOF_INVALID')
  verifyConsistency({ ...start, from: { size: 0, root: EMPTY_ROOT } })
})

test('no proof is made of a missing leaf', async () => {
  await expect(async () => proveInclusion(3, 3, readNode)).rejects.toThrow(RangeError)
  await expect(proveConsistency(4, 3, readNode)).rejects.toThrow(RangeError)
})

interface Case {
  readonly id: string
  readonly kind: 'inclusion' | 'consistency'
  readonly file: string
  readonly expect: 'pass' | 'fail'
}

interface Probe {
  readonly leafIdx: number
  readonly treeSize: number
  readonly root: string
  readonly leafHash: string
  readonly size1: number
  readonly size2: number
  readonly root1: string
  readonly root2: string
  readonly proof: readonly string[] | null
}

function verifyProbe(kind: Case['kind'], probe: Probe): void {
  // Go writes an empty value as null.
  const bytes = (base64: string | null): Uint8Array => Buffer.from(base64 ?? '', 'base64')
  const proof = (probe.proof ?? []).map(bytes)
  if (kind === 'inclusion') {
    const { leafIdx: index, treeSize, leafHash: leaf, root } = probe
    verifyInclusion({ index, size: treeSize, leaf: bytes(leaf), root: bytes(root), proof })
    return
  }
  const from = { size: probe.size1, root: bytes(probe.root1) }
  verifyConsistency({ from, to: { size: probe.size2, root: bytes(probe.root2) }, proof })
}

describeVectors('merkle-proofs', () => {
  const { cases } = readVectorJson<{ readonly cases: readonly Case[] }>('merkle-proofs/cases.json')

  test.each(cases)('$id', (given) => {
    const probe = readVectorJson<Probe>(`merkle-proofs/${given.file}`)
    const code = codeOf(() => {
      verifyProbe(given.kind, probe)
    })

    expect(code).toBe(given.expect === 'pass' ? 'accepted' : 'ERR_LOG_PROOF_INVALID')
  })

  describe('roots of RFC 6962', () => {
    const known = readVectorJson<{
      readonly leaf_inputs_hex: readonly string[]
      readonly root_by_size_hex: readonly string[]
    }>('merkle-proofs/rfc6962_roots.json')

    test.each([...known.root_by_size_hex.entries()])('%i leaves', (count, root) => {
      const inputs = known.leaf_inputs_hex.slice(0, count)
      const hashes = inputs.map((hex) => leafHash(Buffer.from(hex, 'hex')))

      expect(Buffer.from(rootOf(hashes)).toString('hex')).toBe(root)
    })
  })
})
