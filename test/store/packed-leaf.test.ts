import { createHash, randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { serializeEntry } from '../../src/log/entry-format.ts'
import { signatureLeaf } from '../../src/log/public-leaf.ts'
import { packLeaf, unpackLeaf } from '../../src/store/packed-leaf.ts'
import { anyEntry, signatureEntry } from '../support/log-entries.ts'
import { testSigner } from '../support/signers.ts'

const codeOf = (packed: Uint8Array): unknown => {
  try {
    unpackLeaf(packed)
    return 'accepted'
  } catch (error) {
    return CountersignError.is(error) ? error.code : error
  }
}

test('leaf data comes back byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (data) => {
      expect(unpackLeaf(packLeaf(data))).toEqual(data)
    }),
  )
  fc.assert(
    fc.property(anyEntry, (entry) => {
      const data = Uint8Array.from(serializeEntry(entry))
      expect(unpackLeaf(packLeaf(data))).toEqual(data)
    }),
  )
  const longest = Uint8Array.from(randomBytes(65_535))
  expect(unpackLeaf(packLeaf(longest))).toEqual(longest)
  expect(packLeaf(longest)).toHaveLength(65_536)
})

/** An entry with the claims of GitHub, packed when the dictionary was new; and SHA-256 of the entry. */
const GOLDEN = [
  'AbXU2woCIRCA4SfamnE89hxddafOGEsnqKCrffeIForNwKjAWw+o398E0HaIHcESYQG3MQOA1UTl8Q8sY97J/NLzWs',
  '6fCDWeFOFPnN5P8PhMrWqpztYlK1gCQ6ZokhdVNNvsIyQUYlNcDFklzd+ofrq0CnBUpI11PtSl3ya/1R68s0Z/a/6+',
  'CimEqX6tPvOPHMQXF20yWTOJKhghhezZiS0m6kRZMcprJ57uqPKmuW+LRvP+r3EZv021MZueO6yHZn3Ysux/kZtxpW',
  'p0zqfYYUMAhneZcZPOjJsNwxU=',
].join('')
const GOLDEN_SHA256 = '4aef8ba3ea99792eaf2d85a0d3dcbcb709ead464ab5863fcfc0ba8921ad088fd'

test('what the first release packed is read', () => {
  const data = unpackLeaf(Buffer.from(GOLDEN, 'base64'))

  expect(createHash('sha256').update(data).digest('hex')).toBe(GOLDEN_SHA256)
  expect(data.length).toBeGreaterThan(2 * Buffer.from(GOLDEN, 'base64').length)
})

test('names of members and claims take next to nothing', () => {
  const entry = Buffer.from(serializeEntry(signatureEntry(1)))
  const { key } = testSigner('ES256')
  const facts = { content: 'file', digest: `sha256:${'ab'.repeat(32)}` } as const
  const { data } = signatureLeaf(key, { ...facts, signature: randomBytes(70) })

  expect(packLeaf(entry).length).toBeLessThan(entry.length / 2)
  expect(packLeaf(data).length).toBeLessThan(data.length / 2)
})

test('a row that was not packed here is refused, and so is one that grows without end', () => {
  expect(codeOf(new Uint8Array())).toBe('ERR_LOG_PROOF_INVALID')
  expect(codeOf(Uint8Array.of(2, 1))).toBe('ERR_LOG_PROOF_INVALID')
  expect(codeOf(Uint8Array.of(1, 0xff, 0xff))).toBe('ERR_LOG_PROOF_INVALID')
  const bomb = deflateRawSync(Buffer.alloc(100_000_000), { windowBits: 12 })
  expect(codeOf(Buffer.concat([Buffer.of(1), bomb]))).toBe('ERR_LOG_PROOF_INVALID')
})
