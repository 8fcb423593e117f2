import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ALGORITHM_NAMES, ALGORITHMS } from '../../src/crypto/algorithms.ts'
import { isStockLeaf, leafLabel, signatureLeaf, stateLeafOf } from '../../src/log/public-leaf.ts'
import { anyEntry, signatureEntry, stateEntry } from '../support/log-entries.ts'
import { testSigner } from '../support/signers.ts'

const textOf = (data: Uint8Array | undefined): string => Buffer.from(data ?? []).toString()

const FACTS = {
  content: 'payload',
  digest: `sha256:${'ab'.repeat(32)}`,
  signature: Buffer.from([1, 2, 3]),
} as const

test('a signature on which stock verifiers disagree has these leaf bytes, found by hash', () => {
  const { key } = testSigner('EdDSA')
  const { data, labels } = signatureLeaf(key, FACTS)

  expect(textOf(data)).toBe(
    `{"apiVersion":"1","kind":"countersign-signature","spec":{"kid":"${key.kid}","algorithm":"EdDSA","content":"payload","digest":"sha256:${'ab'.repeat(32)}","signatureSha256":"039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"}}`,
  )
  expect(labels).toEqual([leafLabel(data)])
  expect(isStockLeaf(data)).toBe(false)
})

test('a signature that every stock verifier reads has the leaf of Rekor, which its bundle finds', () => {
  const { data, labels } = signatureLeaf(testSigner('ES256').key, { ...FACTS, content: 'file' })

  expect(textOf(data)).toMatch(/^\{"apiVersion":"0\.0\.2","kind":"hashedrekord","spec":/)
  expect(labels).toEqual([])
  expect(isStockLeaf(data)).toBe(true)
})

test.each(ALGORITHM_NAMES)('every signature of %s has a leaf', (algorithm) => {
  const { key } = testSigner(algorithm)

  for (const content of ['envelope', 'file', 'payload'] as const) {
    expect(textOf(signatureLeaf(key, { ...FACTS, content }).data)).toMatch(
      /^\{"apiVersion":"(?:1|0\.0\.2)",/,
    )
  }
})

test('both names of Ed25519 give the same leaf', () => {
  const [older, newer] = (['EdDSA', 'Ed25519'] as const).map((name) => ({
    ...testSigner('EdDSA').key,
    algorithm: ALGORITHMS[name],
  }))

  expect(older && textOf(signatureLeaf(older, FACTS).data)).toBe(
    newer && textOf(signatureLeaf(newer, FACTS).data),
  )
})

test('a change of a version has these leaf bytes, found by kid', () => {
  const entry = stateEntry(0, {
    to: 'revoked',
    from: 'active',
    action: 'revoke',
    sequence: 7,
    compromisedSince: new Date('2026-11-01T00:00:00Z'),
    certificatesSha256: 'cd'.repeat(32),
  })
  const leaf = stateLeafOf(entry)

  expect(textOf(leaf?.data)).toBe(
    `{"apiVersion":"1","kind":"countersign-key-state","spec":{"key":{"name":"release","version":1,"kid":"kid-1"},"use":"artifact","from":"active","to":"revoked","action":"revoke","time":"2026-11-22T10:00:00.000Z","compromisedSince":"2026-11-01T00:00:00.000Z","certificatesSha256":"${'cd'.repeat(32)}","sequence":7}}`,
  )
  expect(leaf?.labels).toEqual(['state:kid-1'])
})

test('a leaf of a change reveals neither caller, reason nor request', () => {
  const plain = stateEntry(0, { to: 'revoked', action: 'revoke', sequence: 7 })
  const { caller } = signatureEntry(0)
  const internal = { ...plain, caller, reason: 'stolen by a colleague', requestId: 'another' }

  expect(stateLeafOf({ ...internal, isForced: true })).toEqual(stateLeafOf(plain))
})

test('only changes of versions derive their leaf from their entry', () => {
  fc.assert(
    fc.property(anyEntry, (entry) => {
      expect(stateLeafOf(entry) !== undefined).toBe(entry.type === 'state')
    }),
  )
})
