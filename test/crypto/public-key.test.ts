import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  ALGORITHM_NAMES,
  type AlgorithmName,
  resolveAlgorithm,
} from '../../src/crypto/algorithms.ts'
import {
  describeKeyKind,
  fromKeyObject,
  parsePublicKeyJwk,
  parsePublicKeyPem,
  parsePublicKeySpki,
  serializePublicKeyJwk,
  serializePublicKeyPem,
} from '../../src/crypto/public-key.ts'
import { codeOf } from '../support/errors.ts'
import { testKeyPair } from '../support/signers.ts'

const keyOf = (algorithm: AlgorithmName): ReturnType<typeof fromKeyObject> =>
  fromKeyObject(testKeyPair(algorithm).publicKey, algorithm)

test.each(ALGORITHM_NAMES)('%s: SPKI, PEM and JWK all give the same key', (algorithm) => {
  const key = keyOf(algorithm)
  for (const again of [
    parsePublicKeySpki(key.spki, algorithm),
    parsePublicKeyPem(serializePublicKeyPem(key), algorithm),
    parsePublicKeyJwk({ ...serializePublicKeyJwk(key) }),
  ]) {
    expect(again.kid).toBe(key.kid)
    expect(again.hint).toBe(key.hint)
    expect(Buffer.from(again.spki)).toStrictEqual(Buffer.from(key.spki))
    expect(again.algorithm).toBe(resolveAlgorithm(algorithm))
  }
})

test('the kind of key pins the algorithm if none is named', () => {
  const usual = (['ES256', 'ES384', 'ES512', 'RS256', 'EdDSA'] as const).map(
    (name) => parsePublicKeySpki(keyOf(name).spki).algorithm.name,
  )
  expect(usual).toStrictEqual(['ES256', 'ES384', 'ES512', 'RS256', 'EdDSA'])
})

test('a key of another kind than its algorithm is refused', () => {
  expect(codeOf(() => parsePublicKeySpki(keyOf('ES256').spki, 'ES384'))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parsePublicKeySpki(keyOf('ES256').spki, 'RS256'))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parsePublicKeySpki(keyOf('EdDSA').spki, 'ES256'))).toBe('ERR_KEY_INVALID')
  const none = codeOf(() => parsePublicKeySpki(keyOf('ES256').spki, 'HS256'))
  expect(none).toBe('ERR_ALGORITHM_UNSUPPORTED')
})

test('RSA keys under 2048 bits are refused', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  expect(codeOf(() => fromKeyObject(publicKey))).toBe('ERR_KEY_INVALID')
})

test('curves and key types outside the table are refused', () => {
  const refused = [
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('ed448'),
    generateKeyPairSync('x25519'),
    generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
  ]
  for (const { publicKey } of refused) {
    expect(codeOf(() => fromKeyObject(publicKey))).toBe('ERR_KEY_INVALID')
  }
})

test('explicit curve parameters and bytes after the key are refused', () => {
  const { publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    paramEncoding: 'explicit',
  })
  const explicit = publicKey.export({ type: 'spki', format: 'der' })
  expect(explicit.length).toBeGreaterThan(91)
  expect(codeOf(() => parsePublicKeySpki(explicit))).toBe('ERR_KEY_INVALID')
  const trailing = Buffer.concat([keyOf('ES256').spki, Uint8Array.of(0)])
  expect(codeOf(() => parsePublicKeySpki(trailing))).toBe('ERR_KEY_INVALID')
})

test.each([
  ['two keys', (pem: string) => pem + pem],
  ['no key', () => 'nothing here'],
  [
    'a private key',
    () => testKeyPair('ES256').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ],
  ['a broken body', (pem: string) => pem.replace('M', '*')],
  ['16 KiB and more', (pem: string) => pem + ' '.repeat(17_000)],
])('PEM with %s is refused', (_, spoil) => {
  const pem = serializePublicKeyPem(keyOf('ES256'))
  expect(codeOf(() => parsePublicKeyPem(spoil(pem)))).toBe('ERR_KEY_INVALID')
})

test('text around a PEM block is allowed', () => {
  const pem = `Bag Attributes: none\r\n${serializePublicKeyPem(keyOf('ES256')).replaceAll('\n', '\r\n')}\n`
  expect(parsePublicKeyPem(pem).kid).toBe(keyOf('ES256').kid)
})

test.each([
  ['symmetric', { kty: 'oct', k: 'AAAA' }],
  ['private', { d: 'AAAA' }],
  ['for encryption', { use: 'enc' }],
  ['only for signing', { key_ops: ['sign'] }],
  ['for another algorithm', { alg: 'RS256' }],
  ['padded', { x: `${serializePublicKeyJwk(keyOf('ES256')).x ?? ''}=` }],
  ['without a coordinate', { y: undefined }],
  ['of a type that is a member of every object', { kty: 'toString' }],
])('a JWK that is %s is refused', (_, change) => {
  const jwk = { ...serializePublicKeyJwk(keyOf('ES256')), ...change }
  expect(codeOf(() => parsePublicKeyJwk(jwk))).toBe('ERR_KEY_INVALID')
})

test('keys have a name people know', () => {
  const kinds = (['ES256', 'RS256', 'EdDSA'] as const).map((name) => describeKeyKind(keyOf(name)))
  expect(kinds).toStrictEqual(['EC P-256', 'RSA 2048', 'Ed25519'])
})

test('the SPKI is what OpenSSL reads back', () => {
  const { spki } = keyOf('ES512')
  const again = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  expect(again.asymmetricKeyDetails?.namedCurve).toBe('secp521r1')
})
