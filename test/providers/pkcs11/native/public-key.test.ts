import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect, test } from 'vitest'
import { fromKeyObject } from '../../../../src/crypto/public-key.ts'
import {
  type Attribute,
  CKA_CLASS,
  CKA_EC_PARAMS,
  CKA_EC_POINT,
  CKA_ID,
  CKA_KEY_TYPE,
  CKA_LABEL,
  CKA_MODULUS,
  CKA_PUBLIC_EXPONENT,
  CKA_PUBLIC_KEY_INFO,
  CKK_EC,
  CKK_EC_EDWARDS,
  CKK_RSA,
  CKO_PRIVATE_KEY,
  CKO_PUBLIC_KEY,
} from '../../../../src/providers/pkcs11/native/cryptoki.ts'
import { Link } from '../../../../src/providers/pkcs11/native/link.ts'
import { findPrivateKey } from '../../../../src/providers/pkcs11/native/objects.ts'
import { RefusedPins } from '../../../../src/providers/pkcs11/native/pin.ts'
import { readPublicHalf } from '../../../../src/providers/pkcs11/native/public-key.ts'
import type { TokenSession } from '../../../../src/providers/pkcs11/native/token.ts'
import { fakeCryptoki, pkcs11Error } from '../../../support/cryptoki.ts'

type Attributes = Readonly<Record<number, string | number | Buffer>>

const toBytes = (value: string | number | Buffer): Buffer =>
  typeof value === 'number' ? Buffer.from([value, 0, 0, 0, 0, 0, 0, 0]) : Buffer.from(value)

/** A token that holds these objects; handles are their indexes. */
function tokenWith(...objects: readonly Attributes[]): TokenSession {
  let found: number[] = []
  const has = (object: Attributes, { type, value }: Attribute): boolean =>
    object[type] !== undefined && toBytes(object[type]).equals(toBytes(value as string | Buffer))
  const cryptoki = fakeCryptoki({
    C_FindObjectsInit: (_, template) => {
      found = [...objects.keys()].filter((index) =>
        template.every((wanted) => has(objects[index] ?? {}, wanted)),
      )
    },
    // One at a time, as a token may.
    C_FindObjects: () => found.splice(0, 1).map((index) => Buffer.from([index])),
    C_FindObjectsFinal: () => undefined,
    C_GetAttributeValue: (_, handle, template) =>
      template.map(({ type }) => {
        const value = objects[handle[0] ?? 0]?.[type]
        if (value === undefined) throw pkcs11Error(0x12, 'CKR_ATTRIBUTE_TYPE_INVALID')
        return { value: toBytes(value) }
      }),
  })
  const session = Buffer.alloc(8)
  const nothing = () => undefined
  const module = { path: '', cryptoki, enter: () => nothing, restart: nothing, release: nothing }
  const token = { slot: session, slotId: 0, label: '', manufacturer: '', model: '', serial: '' }
  const link = new Link({ module, token, maxSessions: 1, refusedPins: new RefusedPins() })
  return { cryptoki, session, link }
}

const PRIVATE = { [CKA_CLASS]: CKO_PRIVATE_KEY, [CKA_LABEL]: 'key', [CKA_ID]: 'id' }
const PUBLIC = { [CKA_CLASS]: CKO_PUBLIC_KEY, [CKA_LABEL]: 'key', [CKA_ID]: 'id' }
const P256 = Buffer.from('06082a8648ce3d030107', 'hex')
const ED25519_NAME = Buffer.from('130c656477617264733235353139', 'hex')

/** The kid that the public half of the only private key has. */
function readKid(given: TokenSession): string {
  return readPublicHalf(given, findPrivateKey(given, {}), undefined).kid
}

function coordinate(key: KeyObject, name: 'x' | 'y' | 'n' | 'e'): Buffer {
  return Buffer.from(key.export({ format: 'jwk' })[name] ?? '', 'base64url')
}

const { publicKey: ecKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ecPoint = Buffer.concat([Buffer.from([4]), coordinate(ecKey, 'x'), coordinate(ecKey, 'y')])
const { publicKey: edKey } = generateKeyPairSync('ed25519')
const edPoint = coordinate(edKey, 'x')

test.each([
  ['inside an OCTET STRING', Buffer.concat([Buffer.from([0x04, 0x41]), ecPoint])],
  ['as it is', ecPoint],
  ['inside a BIT STRING', Buffer.concat([Buffer.from([0x03, 0x42, 0]), ecPoint])],
])('a P-256 point is read %s', (_, point) => {
  const ec = { [CKA_KEY_TYPE]: CKK_EC, [CKA_EC_PARAMS]: P256, [CKA_EC_POINT]: point }

  expect(readKid(tokenWith(PRIVATE, { ...PUBLIC, ...ec }))).toBe(fromKeyObject(ecKey).kid)
})

test.each([
  ['an object identifier', Buffer.from('06032b6570', 'hex'), edPoint],
  ['a printable name', ED25519_NAME, Buffer.concat([Buffer.from([0x04, 0x20]), edPoint])],
  ['a name, with a BIT STRING', ED25519_NAME, Buffer.concat([Buffer.from([3, 0x21, 0]), edPoint])],
])('an Ed25519 key is read whose curve is given as %s', (_, parameters, point) => {
  const ed = { [CKA_KEY_TYPE]: CKK_EC_EDWARDS, [CKA_EC_PARAMS]: parameters, [CKA_EC_POINT]: point }

  expect(readKid(tokenWith(PRIVATE, { ...PUBLIC, ...ed }))).toBe(fromKeyObject(edKey).kid)
})

test('a P-521 point inside an OCTET STRING with a long header is read', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-521' })
  const header = Buffer.from('04818504', 'hex')
  const point = Buffer.concat([header, coordinate(publicKey, 'x'), coordinate(publicKey, 'y')])
  const parameters = Buffer.from('06052b81040023', 'hex')
  const ec = { [CKA_KEY_TYPE]: CKK_EC, [CKA_EC_PARAMS]: parameters, [CKA_EC_POINT]: point }

  expect(readKid(tokenWith(PRIVATE, { ...PUBLIC, ...ec }))).toBe(fromKeyObject(publicKey).kid)
})

test('RSA numbers are read with zeros before them', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsa = {
    [CKA_KEY_TYPE]: CKK_RSA,
    [CKA_MODULUS]: Buffer.concat([Buffer.alloc(1), coordinate(publicKey, 'n')]),
    [CKA_PUBLIC_EXPONENT]: Buffer.concat([Buffer.alloc(5), coordinate(publicKey, 'e')]),
  }

  expect(readKid(tokenWith(PRIVATE, { ...PUBLIC, ...rsa }))).toBe(fromKeyObject(publicKey).kid)
})

const EC = { [CKA_KEY_TYPE]: CKK_EC, [CKA_EC_PARAMS]: P256, [CKA_EC_POINT]: ecPoint }

test('an EC private key that carries its point needs no public key object', () => {
  expect(readKid(tokenWith({ ...PRIVATE, ...EC }))).toBe(fromKeyObject(ecKey).kid)
})

test('an EC private key that carries its SubjectPublicKeyInfo needs no public key object', () => {
  const info = ecKey.export({ type: 'spki', format: 'der' })
  const ec = { [CKA_KEY_TYPE]: CKK_EC, [CKA_EC_PARAMS]: P256, [CKA_PUBLIC_KEY_INFO]: info }

  expect(readKid(tokenWith({ ...PRIVATE, ...ec }))).toBe(fromKeyObject(ecKey).kid)
})

test('a private key without an id finds its public half by its label', () => {
  const label = { [CKA_LABEL]: 'key' }
  const given = tokenWith(
    { [CKA_CLASS]: CKO_PRIVATE_KEY, ...label },
    { [CKA_CLASS]: CKO_PUBLIC_KEY, ...label, ...EC },
  )

  expect(readKid(given)).toBe(fromKeyObject(ecKey).kid)
})

test('of public keys with one id, the one of the same label is the public half', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const point = Buffer.concat([Buffer.from([4]), coordinate(other, 'x'), coordinate(other, 'y')])
  const given = tokenWith(
    PRIVATE,
    { ...PUBLIC, ...EC, [CKA_EC_POINT]: point, [CKA_LABEL]: 'other' },
    { ...PUBLIC, ...EC },
  )

  expect(readKid(given)).toBe(fromKeyObject(ecKey).kid)
})

test('two public halves are one too many', () => {
  expect(() => readKid(tokenWith(PRIVATE, { ...PUBLIC, ...EC }, { ...PUBLIC, ...EC }))).toThrow(
    expect.objectContaining({ code: 'ERR_KEY_URI_INVALID' }),
  )
})

test.each([
  ['a point that is too short', { ...EC, [CKA_EC_POINT]: ecPoint.subarray(1) }],
  ['a point with bytes after it', { ...EC, [CKA_EC_POINT]: Buffer.concat([ecPoint, ecPoint]) }],
  ['a compressed point', { ...EC, [CKA_EC_POINT]: Buffer.alloc(33, 2) }],
  ['a point of another form', { ...EC, [CKA_EC_POINT]: Buffer.alloc(65, 6) }],
  ['a point that is not on the curve', { ...EC, [CKA_EC_POINT]: Buffer.alloc(65, 4) }],
  ['an unsupported curve', { ...EC, [CKA_EC_PARAMS]: Buffer.from('06052b8104000a', 'hex') }],
  ['a key of another type', { ...EC, [CKA_KEY_TYPE]: 1 }],
  [
    'an RSA key of no bits',
    {
      [CKA_KEY_TYPE]: CKK_RSA,
      [CKA_MODULUS]: Buffer.alloc(4),
      [CKA_PUBLIC_EXPONENT]: Buffer.from([3]),
    },
  ],
])('%s is refused', (_, attributes) => {
  expect(() => readKid(tokenWith(PRIVATE, { ...PUBLIC, ...attributes }))).toThrow(
    expect.objectContaining({ code: 'ERR_KEY_INVALID' }),
  )
})

test('an object without a key type is refused', () => {
  expect(() => readKid(tokenWith(PRIVATE, PUBLIC))).toThrow(
    expect.objectContaining({ code: 'ERR_KEY_INVALID' }),
  )
})

test('a private key whose public numbers are nowhere is not found', () => {
  const rsa = { [CKA_KEY_TYPE]: CKK_RSA }

  expect(() => readKid(tokenWith({ ...PRIVATE, ...rsa }, { ...PUBLIC, ...rsa }))).toThrow(
    expect.objectContaining({ code: 'ERR_KEY_NOT_FOUND' }),
  )
})
