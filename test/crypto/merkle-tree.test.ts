import fc from 'fast-check'
import { expect, test } from 'vitest'
import { leafHash, rootOf, verifyInclusion } from '../../src/crypto/merkle.ts'
import { MerkleTree } from '../../src/crypto/merkle-tree.ts'

const leaves = Array.from({ length: 300 }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)))

test('its root is that of RFC 6962, and every leaf is proved under it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: leaves.length }), fc.nat(), (size, some) => {
      const tree = new MerkleTree(leaves.slice(0, size))
      const index = some % size
      const { root } = tree
      const proof = tree.proofOf(index)

      expect(tree.size).toBe(size)
      expect(Buffer.from(root)).toEqual(Buffer.from(rootOf(leaves.slice(0, size))))
      expect(proof.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)))
      verifyInclusion({ index, size, root, proof, leaf: leaves[index] ?? root })
    }),
  )
})

test('there is no tree without leaves, and no proof of a leaf that it lacks', () => {
  const tree = new MerkleTree(leaves.slice(0, 5))

  expect(() => new MerkleTree([])).toThrow(RangeError)
  for (const index of [5, -1, 0.5, Number.NaN])
    expect(() => tree.proofOf(index)).toThrow(RangeError)
})
