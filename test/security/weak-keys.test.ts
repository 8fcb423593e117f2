/**
 * Keys that a hostile publisher writes: many verifiers accept signatures by them that no one made, one key
 * gets two names, or reading one takes a minute.
 */
import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  parsePublicKeyJwk,
  parsePublicKeyPem,
  parsePublicKeySpki,
} from '../../src/crypto/public-key.ts'
import { parseJwks } from '../../src/formats/jwks.ts'
import { parseNoteKey } from '../../src/formats/note-key.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { parsePublicKeyText } from '../../src/providers/public-key-text.ts'
import { encode, oid, sequence, integer, bitString } from '../../src/timestamp/der.ts'
import { TAG } from '../../src/crypto/der-reader.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import { hashBytes } from '../../src/crypto/digest.ts'
import { codeOf, codeOfAsync } from '../support/errors.ts'
import { growthOf, LINEAR } from '../support/growth.ts'
import { createSigningFolder } from '../support/signing-folder.ts'
import { testKeyPair } from '../support/signers.ts'

const FIELD = 2n ** 255n - 19n
const ORDER_8 = [
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]

/** An encoded point: y little-endian, the sign of x in the top bit. */
function point(y: bigint, sign = 0): Buffer {
  const bytes = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse()
  bytes[31] = (bytes[31] ?? 0) | (sign << 7)
  return bytes
}

const withSign = (hex: string): Buffer => {
  const bytes = Buffer.from(hex, 'hex')
  bytes[31] = (bytes[31] ?? 0) | 0x80
  return bytes
}

/** Every encoding of the eight points of small order that some verifier accepts, by what it is. */
const SMALL_ORDER: readonly (readonly [string, Buffer])[] = [
  ['the identity', point(1n)],
  ['the point of order 2', point(FIELD - 1n)],
  ['a point of order 4', point(0n)],
  ['the other point of order 4', point(0n, 1)],
  ...ORDER_8.flatMap((hex): [string, Buffer][] => [
    [`a point of order 8, ${hex.slice(0, 4)}`, Buffer.from(hex, 'hex')],
    [`a point of order 8, ${hex.slice(0, 4)} negated`, withSign(hex)],
  ]),
  ['the identity with a sign', point(1n, 1)],
  ['the point of order 2 with a sign', point(FIELD - 1n, 1)],
  ['a point of order 4, beyond the field', point(FIELD)],
  ['the other point of order 4, beyond the field', point(FIELD, 1)],
  ['the identity, beyond the field', point(FIELD + 1n)],
  ['the identity, beyond the field, with a sign', point(FIELD + 1n, 1)],
]

const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')
const toSpki = (x: Buffer): Buffer => Buffer.concat([SPKI_HEAD, x])
const toPem = (der: Uint8Array): string =>
  `-----BEGIN PUBLIC KEY-----\n${Buffer.from(der).toString('base64')}\n-----END PUBLIC KEY-----\n`
const toJwk = (x: Buffer): Record<string, string> => ({
  kty: 'OKP',
  crv: 'Ed25519',
  x: x.toString('base64url'),
})

function toVerifierKey(x: Buffer): string {
  const typed = Buffer.concat([Buffer.of(1), x])
  const id = hashBytes('sha256', Buffer.concat([Buffer.from('log.example\n'), typed])).subarray(
    0,
    4,
  )
  return `log.example+${Buffer.from(id).toString('hex')}+${typed.toString('base64')}`
}

function toHistory(spki: Uint8Array, algorithm: string): Buffer {
  const key = { kid: 'x', algorithm, spki: Buffer.from(spki).toString('base64') }
  return Buffer.from(
    JSON.stringify({
      sequence: 1,
      keys: [{ ...key, key: 'release', version: 1, state: 'active', validFor: {} }],
    }),
  )
}

function toRoot(spki: Uint8Array, keyDetails: string): Buffer {
  const publicKey = {
    rawBytes: Buffer.from(spki).toString('base64'),
    keyDetails,
    validFor: { start: '2026-01-01T00:00:00Z' },
  }
  const log = {
    baseUrl: 'https://log.example',
    hashAlgorithm: 'SHA2_256',
    publicKey,
    logId: { keyId: 'AAAA' },
  }
  return Buffer.from(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [log],
    }),
  )
}

test.each(SMALL_ORDER)('%s is refused as a trusted key, in every form', async (_name, x) => {
  expect(codeOf(() => parsePublicKeyJwk(toJwk(x)))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parsePublicKeySpki(toSpki(x)))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parsePublicKeyPem(toPem(toSpki(x))))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parsePublicKeyText(JSON.stringify(toJwk(x))))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parseKeyHistory(toHistory(toSpki(x), 'EdDSA')))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parseNoteKey(toVerifierKey(x)))).toBe('ERR_NOTE_INVALID')
  const root = toRoot(toSpki(x), 'PKIX_ED25519')
  expect(await codeOfAsync(() => parseTrustedRoot(root))).toBe('ERR_TRUST_INVALID')
  const { keys, skipped } = parseJwks(JSON.stringify({ keys: [toJwk(x)] }))
  expect([keys.length, skipped.length]).toEqual([0, 1])
})

test('generated keys are accepted in the same forms', async () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const x = spki.subarray(SPKI_HEAD.length)

  expect(parsePublicKeyJwk(toJwk(x)).kid).toBe(parsePublicKeyPem(toPem(spki)).kid)
  expect(parseNoteKey(toVerifierKey(x)).name).toBe('log.example')
  expect((await parseTrustedRoot(toRoot(spki, 'PKIX_ED25519'))).tlogs).toHaveLength(1)
})

/** A token without a signer: R is the identity and S is 0, which holds for A of order 1. */
function unsignedToken(claims: object): string {
  const encodePart = (part: object): string =>
    Buffer.from(JSON.stringify(part)).toString('base64url')
  const signature = Buffer.alloc(64)
  signature[0] = 1
  const head = encodePart({ alg: 'EdDSA', kid: 'forged', typ: 'JWT' })
  return `${head}.${encodePart(claims)}.${signature.toString('base64url')}`
}

test('a point of small order in a key set never verifies a token', async () => {
  const folder = createSigningFolder()
  folder.write('jwks.json', JSON.stringify({ keys: [{ ...toJwk(point(1n)), kid: 'forged' }] }))
  const claims = {
    iss: 'https://sign.example.com',
    aud: 'api',
    iat: 1_795_341_500,
    exp: 1_795_345_100,
  }

  const { exitCode, stdout } = await folder.run(
    'token verify - --issuer https://sign.example.com --audience api --jwks @jwks.json --json',
    { stdin: unsignedToken(claims) },
  )

  expect(exitCode).toBe(6)
  expect(stdout).toContain('ERR_KEY_NOT_TRUSTED')
})

/** An RSA key as a publisher writes it, with any numbers. */
interface WrittenRsa {
  readonly n: Uint8Array
  readonly e: Uint8Array
}

const HONEST = (() => {
  const { n = '', e = '' } = testKeyPair('RS256').publicKey.export({ format: 'jwk' })
  return { n: Buffer.from(n, 'base64url'), e: Buffer.from(e, 'base64url') }
})()

const RSA_ALGORITHM = sequence(oid('1.2.840.113549.1.1.1'), encode(TAG.null))
const toRsaSpki = ({ n, e }: WrittenRsa): Uint8Array =>
  sequence(RSA_ALGORITHM, bitString(sequence(integer(n), integer(e))))
const toRsaJwk = ({ n, e }: WrittenRsa): Record<string, string> => ({
  kty: 'RSA',
  n: Buffer.from(n).toString('base64url'),
  e: Buffer.from(e).toString('base64url'),
})

const ones = (length: number): Uint8Array => new Uint8Array(length).fill(0xff)

test.each<[string, WrittenRsa]>([
  ['no exponent', { ...HONEST, e: Uint8Array.of() }],
  ['exponent 1', { ...HONEST, e: Uint8Array.of(1) }],
  ['exponent 2', { ...HONEST, e: Uint8Array.of(2) }],
  ['an even exponent', { ...HONEST, e: Uint8Array.of(1, 0, 0) }],
  ['an exponent of 257 bits', { ...HONEST, e: Uint8Array.of(1, ...ones(32)) }],
  ['a modulus of 2040 bits', { ...HONEST, n: HONEST.n.subarray(1) }],
  ['a modulus of 8200 bits', { ...HONEST, n: ones(1025) }],
  ['an even modulus', { ...HONEST, n: Uint8Array.of(...HONEST.n.subarray(0, -1), 0x10) }],
])('an RSA key with %s is refused in every form', async (_name, numbers) => {
  const spki = toRsaSpki(numbers)

  expect(codeOf(() => parsePublicKeyJwk(toRsaJwk(numbers)))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parsePublicKeySpki(spki))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parsePublicKeyPem(toPem(spki)))).toBe('ERR_KEY_INVALID')
  expect(codeOf(() => parseKeyHistory(toHistory(spki, 'RS256')))).toBe('ERR_KEY_INVALID')
  const root = toRoot(sequence(integer(numbers.n), integer(numbers.e)), 'PKCS1_RSA_PKCS1V5')
  expect(await codeOfAsync(() => parseTrustedRoot(root))).toBe('ERR_TRUST_INVALID')
})

test('exponents of 256 bits and the usual ones are accepted', () => {
  for (const e of [Uint8Array.of(3), Uint8Array.of(1, 0, 1), ones(32)]) {
    expect(parsePublicKeySpki(toRsaSpki({ ...HONEST, e })).kid).toBe(
      parsePublicKeyJwk(toRsaJwk({ ...HONEST, e })).kid,
    )
  }
})

test('an exponent with leading zeros does not give a key a second name', () => {
  const e = Uint8Array.of(0, 1, 0, 1)

  expect(codeOf(() => parsePublicKeyJwk(toRsaJwk({ ...HONEST, e })))).toBe('ERR_KEY_INVALID')
})

test.each<[string, (length: number) => () => unknown]>([
  [
    'a key set',
    (length) => {
      const set = JSON.stringify({ keys: [toRsaJwk({ ...HONEST, e: ones(length) })] })
      return () => parseJwks(set)
    },
  ],
  [
    'a SubjectPublicKeyInfo',
    (length) => {
      const spki = toRsaSpki({ ...HONEST, e: ones(length) })
      return () => codeOf(() => parsePublicKeySpki(spki))
    },
  ],
  [
    'a modulus',
    (length) => {
      const set = JSON.stringify({ keys: [toRsaJwk({ ...HONEST, n: ones(length) })] })
      return () => parseJwks(set)
    },
  ],
])(
  'reading %s with one huge RSA number costs no more than reading its text',
  async (_name, prepare) => {
    expect(await growthOf(prepare, 64_000)).toBeLessThan(LINEAR)
  },
)

test('any bytes as a SubjectPublicKeyInfo give a key with the same encoding, or are refused', () => {
  const seeds = (['ES256', 'ES384', 'ES512', 'EdDSA'] as const).map((name) =>
    testKeyPair(name).publicKey.export({ format: 'der', type: 'spki' }),
  )
  const changed = fc
    .tuple(fc.constantFrom(...seeds, Buffer.from(toRsaSpki(HONEST))), fc.nat(), fc.nat(255))
    .map(([spki, at, value]) => {
      const copy = Buffer.from(spki)
      copy[at % copy.length] = value
      return copy
    })
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array()), (spki) => {
      let written: Buffer | undefined
      const code = codeOf(() => {
        written = parsePublicKeySpki(spki).keyObject.export({ format: 'der', type: 'spki' })
      })
      expect(written === undefined ? code : written.equals(spki)).toBe(
        written === undefined ? 'ERR_KEY_INVALID' : true,
      )
    }),
  )
})
