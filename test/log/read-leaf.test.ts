import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import type { Digest } from '../../src/crypto/digest.ts'
import { MAX_ENTRY_BYTES } from '../../src/log/entry-bundle.ts'
import { signatureLeaf, stateLeafOf } from '../../src/log/public-leaf.ts'
import { type LeafContent, LeafReader } from '../../src/log/read-leaf.ts'
import { codeOf } from '../support/errors.ts'
import { anyEntry, stateEntry } from '../support/log-entries.ts'
import { testSigner } from '../support/signers.ts'

const read = (leaf: object | string | Uint8Array): LeafContent => {
  const data = leaf instanceof Uint8Array ? leaf : Buffer.from(textOf(leaf))
  return new LeafReader().read(data)
}
const textOf = (leaf: object | string): string =>
  typeof leaf === 'string' ? leaf : JSON.stringify(leaf)

const DIGEST_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const

test.each(ALGORITHM_NAMES)('a leaf about a signature of %s has its key and digest', (algorithm) => {
  const { key } = testSigner(algorithm)
  const hash = key.algorithm.hash ?? 'sha256'
  const digest: Digest = `${hash}:${'ab'.repeat(DIGEST_BYTES[hash])}`
  for (const content of ['envelope', 'file', 'payload'] as const) {
    const { data } = signatureLeaf(key, { content, digest, signature: Buffer.from([1]) })

    expect(read(data)).toEqual({ kind: 'signature', kid: key.kid, digest, skipped: [] })
  }
})

test('a leaf about a change has all that both logs record of it', () => {
  const states = anyEntry.filter((entry) => entry.type === 'state')
  fc.assert(
    fc.property(states, (entry) => {
      const { key, use, from, to, action, time } = entry
      const { compromisedSince, certificatesSha256, sequence } = entry
      const leaf = stateLeafOf(entry)
      const change = { key, use, from, to, action, time }
      const state = { ...change, compromisedSince, certificatesSha256, sequence }

      expect(read(leaf?.data ?? '')).toEqual({ kind: 'state', state, skipped: [] })
    }),
  )
})

const STATE = JSON.parse(
  Buffer.from(
    stateLeafOf(stateEntry(0, { to: 'active', action: 'activate', sequence: 3 }))?.data ?? [],
  ).toString(),
) as { apiVersion: string; kind: string; spec: Record<string, unknown> }
const stateWith = (members: object): object => ({ ...STATE, spec: { ...STATE.spec, ...members } })

test('members that a later release added are skipped and named', () => {
  const { apiVersion, kind, spec } = STATE
  const later = { apiVersion, more: [], kind, spec: { witness: 'x', ...spec, last: {} } }

  expect(read(later)).toEqual({ ...read(STATE), skipped: ['more', 'spec.witness', 'spec.last'] })
})

test('kinds and values that a later release added are skipped', () => {
  expect(read({ apiVersion: '7', kind: 'another', spec: 7 })).toEqual({
    kind: 'unknown',
    name: 'another',
    why: 'kind "another" 7',
  })
  expect(read({ apiVersion: '0.0.3', kind: 'hashedrekord', spec: {} })).toMatchObject({
    kind: 'unknown',
    name: 'hashedrekord',
  })
  expect(read({ apiVersion: '1', kind: 'countersign-proof', spec: {} })).toMatchObject({
    kind: 'unknown',
    why: 'kind "countersign-proof" is not known',
  })
  for (const change of [{ use: 'cooking' }, { to: 'sleeping' }, { from: 'sleeping' }]) {
    expect(read(stateWith(change))).toMatchObject({ kind: 'unknown' })
  }
})

test('our own leaf kinds of a later version are never skipped', () => {
  for (const kind of ['countersign-key-state', 'countersign-signature', 'countersign-proof']) {
    expect(codeOf(() => read({ ...STATE, kind, apiVersion: '2' }))).toBe('ERR_FORMAT_UNSUPPORTED')
  }
})

test.each<[string, string]>([
  ['white space', `${textOf(STATE)} `],
  ['its kind first', textOf({ kind: STATE.kind, apiVersion: STATE.apiVersion, spec: STATE.spec })],
  ['its members in another order', textOf({ ...STATE, spec: { sequence: 3, ...STATE.spec } })],
  ['a member that is null', textOf(stateWith({ compromisedSince: null }))],
  ['white space beside an unknown member', textOf({ ...STATE, more: 1 }).replace('1}', '1 }')],
])('a leaf with %s is not canonical', (_what, text) => {
  expect(text).not.toBe(textOf(STATE))
  expect(codeOf(() => read(text))).toBe('ERR_LOG_PROOF_INVALID')
})

const HASHEDREKORD = JSON.parse(
  Buffer.from(
    signatureLeaf(testSigner('ES256').key, {
      content: 'file',
      digest: `sha256:${'ab'.repeat(32)}`,
      signature: Buffer.from([1]),
    }).data,
  ).toString(),
) as { spec: { hashedRekordV002: { data: object; signature: object } } }
const { hashedRekordV002 } = HASHEDREKORD.spec
const rekordWith = (members: object): object => ({
  ...HASHEDREKORD,
  spec: { hashedRekordV002: { ...hashedRekordV002, ...members } },
})
const keyOf = (rawBytes: unknown): object =>
  rekordWith({ signature: { content: '', verifier: { keyDetails: '', publicKey: { rawBytes } } } })

test.each([
  ['no object', '[]'],
  ['no kind', { apiVersion: '1', spec: {} }],
  ['a kind that is not a string', { apiVersion: '1', kind: 1, spec: {} }],
  ['no version', { kind: 'countersign-signature', spec: { kid: 'k', digest: 'd' } }],
  ['no spec', { apiVersion: '1', kind: 'countersign-signature' }],
  ['no kid', { apiVersion: '1', kind: 'countersign-signature', spec: { digest: 'd' } }],
  ['no time', stateWith({ time: 'yesterday' })],
  ['a malformed time of compromise', stateWith({ compromisedSince: 'yesterday' })],
  ['a sequence below zero', stateWith({ sequence: -1 })],
  ['a sequence that is not whole', stateWith({ sequence: 1.5 })],
  ['a version that is a text', stateWith({ key: { name: 'a', version: '1', kid: 'k' } })],
  ['a digest by a hash that is not known', rekordWith({ data: { algorithm: 'MD5', digest: '' } })],
  ['a hash named like a member', rekordWith({ data: { algorithm: 'toString', digest: '' } })],
  ['a digest of another length', rekordWith({ data: { algorithm: 'SHA2_256', digest: 'AAAA' } })],
  ['a digest that is not base64', rekordWith({ data: { algorithm: 'SHA2_256', digest: '?' } })],
  ['a key that is not base64', keyOf('?')],
])('a leaf with %s is refused', (_what, leaf) => {
  expect(codeOf(() => read(leaf))).toBe('ERR_LOG_PROOF_INVALID')
})

test('a leaf with a malformed key is refused', () => {
  expect(codeOf(() => read(keyOf('AAAA')))).toBe('ERR_KEY_INVALID')
})

test('a leaf that is not strict JSON, or longer than an entry, is refused', () => {
  const long = textOf({ ...STATE, more: 'x'.repeat(MAX_ENTRY_BYTES) })

  expect(codeOf(() => read('{"kind":"a","kind":"b"}'))).toBe('ERR_JSON_INVALID')
  expect(codeOf(() => read(long))).not.toBe('accepted')
})
