import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { type KeySet, parseJwks } from '../../src/formats/jwks.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'

const EC = { ...serializePublicKeyJwk(testSigner().key) }
const RSA = { ...serializePublicKeyJwk(testSigner('RS256').key) }

const parse = (keys: unknown, more = {}): KeySet => parseJwks(JSON.stringify({ keys, ...more }))

test('keys keep the name the set gives them', () => {
  const { keys, skipped } = parse([EC, { ...RSA, kid: 'mine' }])

  expect(keys.map(({ kid }) => kid)).toEqual([testSigner().key.kid, 'mine'])
  expect(keys[1]?.key.kid).toBe(testSigner('RS256').key.kid)
  expect(skipped).toEqual([])
})

test('a key without a name goes by its thumbprint', () => {
  expect(parse([{ ...EC, kid: undefined }]).keys[0]?.kid).toBe(testSigner().key.kid)
})

test('the number of the publication is read, where there is one', () => {
  expect(parse([], { sequence: 7 }).sequence).toBe(7)
  expect(parse([], { sequence: 'seven' }).sequence).toBeUndefined()
})

test.each([
  ['symmetric', { kty: 'oct', k: 'AAAA' }, /"oct"/],
  ['private', { ...EC, d: 'AAAA' }, /private/],
  ['for encryption', { ...EC, use: 'enc' }, /not for signatures/],
  ['of a use that is not a string', { ...EC, use: 0 }, /not for signatures/],
  ['for signing alone', { ...EC, key_ops: ['sign'] }, /key_ops/],
  ['for the same operation twice', { ...EC, key_ops: ['verify', 'verify'] }, /twice/],
  ['of operations that are no list', { ...EC, key_ops: 'verify' }, /key_ops/],
  ['of an algorithm that does not fit it', { ...EC, alg: 'ES384' }, /P-384/],
  ['of an unknown algorithm', { ...EC, alg: 'HS256' }, /P-256|HS256/],
  ['of an algorithm that is null', { ...EC, alg: null }, /alg/],
  ['beside its curve', { ...EC, y: EC.x }, /can be read/],
  ['named by a number', { ...EC, kid: 7 }, /kid/],
  ['named by half a book', { ...EC, kid: 'a'.repeat(513) }, /kid/],
])('a key that is %s is skipped, and the others count', (_, bad, reason) => {
  const { keys, skipped } = parse([bad, RSA])

  expect(keys).toHaveLength(1)
  expect(skipped).toEqual([{ index: 0, reason: expect.stringMatching(reason) as unknown }])
})

test('an RSA key without an algorithm counts for RS256, or for the RSA algorithms that are accepted', () => {
  const text = JSON.stringify({ keys: [{ ...RSA, alg: undefined }, RSA, EC] })
  const names = (set: KeySet): string[] => set.keys.map(({ key }) => key.algorithm.name)
  const named = (...algorithms: AlgorithmName[]): string[] => names(parseJwks(text, { algorithms }))

  expect(names(parseJwks(text))).toEqual(['RS256', 'RS256', 'ES256'])
  expect(named('PS256')).toEqual(['PS256', 'RS256', 'ES256'])
  expect(named('ES384', 'RS512', 'PS256', 'RS512')).toEqual(['RS512', 'PS256', 'RS256', 'ES256'])
})

test('an RSA key without an algorithm is skipped where no RSA algorithm is accepted', () => {
  const text = JSON.stringify({ keys: [{ ...RSA, alg: undefined }, EC] })
  const { keys, skipped } = parseJwks(text, { algorithms: ['ES256'] })

  expect(keys.map(({ key }) => key.algorithm.name)).toEqual(['ES256'])
  expect(skipped).toMatchObject([{ index: 0 }])
})

test.each([
  ['EdDSA', 'EdDSA'],
  ['Ed25519', 'Ed25519'],
  [undefined, 'EdDSA'],
])('an Ed25519 key of alg %s is a key of %s', (alg, expected) => {
  const jwk = { ...serializePublicKeyJwk(testSigner('EdDSA').key), alg }

  expect(parse([jwk]).keys[0]?.key.algorithm.name).toBe(expected)
})

test.each([
  ['a key of another curve', { kty: 'OKP', crv: 'Ed448', x: 'A'.repeat(76), alg: 'EdDSA' }],
  ['a key for key agreement', { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43), alg: 'Ed25519' }],
  ['an EC key', { ...EC, alg: 'Ed25519' }],
  ['an RSA key', { ...RSA, alg: 'Ed25519' }],
])('%s is never one of Ed25519', (_, jwk) => {
  expect(parse([jwk]).keys).toEqual([])
})

test.each([
  ['null', 'null'],
  ['a list', '[]'],
  ['without keys', '{}'],
  ['with keys that are null', '{"keys":null}'],
  ['with a key that is null', '{"keys":[null]}'],
  ['with a key that is a list', '{"keys":[[]]}'],
  ['of 257 keys', JSON.stringify({ keys: Array.from({ length: 257 }, () => EC) })],
])('a set that is %s is refused', (_, text) => {
  expect(codeOf(() => parseJwks(text))).toBe('ERR_TRUST_INVALID')
})

test('a set over its bounds is not parsed', () => {
  expect(codeOf(() => parseJwks(' '.repeat(600_000)))).toBe('ERR_INPUT_TOO_LARGE')
  expect(codeOf(() => parseJwks('{"keys":[],"keys":[]}'))).toBe('ERR_JSON_INVALID')
})

test('whatever JSON a set holds, only the codes of sets come out', () => {
  const member = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('EC', 'RSA', 'sig', EC.x))
  const jwk = fc.dictionary(fc.constantFrom(...Object.keys(EC), ...Object.keys(RSA)), member)
  const near = fc.record({ keys: fc.array(fc.oneof(jwk, fc.jsonValue({ maxDepth: 1 }))) })
  fc.assert(
    fc.property(fc.oneof(near, fc.jsonValue()), (json) => {
      expect(['accepted', 'ERR_TRUST_INVALID']).toContain(
        codeOf(() => parseJwks(JSON.stringify(json))),
      )
    }),
  )
})
