/** Public keys in certificates (RFC 5280). */
import { sign } from 'node:crypto'
import { ownPrivateKey } from '../../test/support/own-vectors.ts'
import { bitString, integer, tlv } from './der.ts'
import {
  KINDS,
  NULL,
  numbersOf,
  ONE_ENCODING,
  POINTS_OF_SMALL_ORDER,
  rsaSpki,
  SOUND,
  spkiOf,
  STRENGTH,
  type Text,
  toCases,
  weakNumbers,
} from './key-material.ts'
import { hex, type MadeGroup } from './made.ts'

/** A self-signed certificate of a key, by an RSA key so that it is the same in every run. */
function certificateOf(spki: Uint8Array): Buffer {
  const algorithm = tlv(0x30, Buffer.from('06092a864886f70d01010b', 'hex'), NULL)
  const name = tlv(
    0x30,
    tlv(
      0x31,
      tlv(0x30, Buffer.from('0603550403', 'hex'), tlv(12, Buffer.from('countersign test'))),
    ),
  )
  const validity = tlv(
    0x30,
    tlv(23, Buffer.from('260101000000Z')),
    tlv(23, Buffer.from('360101000000Z')),
  )
  const version = tlv(0xa0, tlv(2, Buffer.of(2)))
  const toBeSigned = tlv(0x30, version, tlv(2, Buffer.of(1)), algorithm, name, validity, name, spki)
  const signature = sign('sha256', toBeSigned, ownPrivateKey('rsa2048'))
  return tlv(0x30, toBeSigned, algorithm, bitString(signature))
}

/** Certificates of right keys, and of keys that must not be trusted. */
export function certificates(): MadeGroup {
  const right = ['p256', 'p384', 'p521', 'rsa2048', 'ed25519'].map(
    (key) => [key, `of a key ${key}`, hex(certificateOf(spkiOf(key)))] as const,
  )
  const good = certificateOf(spkiOf('p256'))
  const { n, e } = numbersOf('rsa2048')
  const ed25519 = spkiOf('ed25519')
  const compressed = Buffer.from(
    hex(spkiOf('p256')).replace('3059', '3039').replace('034200', '032200'),
    'hex',
  )
  compressed[26] = 2 + (compressed.readUInt8(90) & 1)
  const wrong: readonly Text[] = [
    ...weakNumbers().map(
      ([id, comment, weak]) =>
        [
          `rsa-${id}`,
          `of a key with ${comment}`,
          hex(certificateOf(rsaSpki(integer(weak.n), integer(weak.e)))),
          STRENGTH,
        ] as const,
    ),
    ...POINTS_OF_SMALL_ORDER.map(
      (encoded, index) =>
        [
          `okp-small-${index}`,
          'of an Ed25519 point that must not be trusted',
          hex(certificateOf(Buffer.concat([ed25519.subarray(0, 12), Buffer.from(encoded, 'hex')]))),
          SOUND,
        ] as const,
    ),
    ...['secp256k1', 'ed448', 'x25519', 'p256-explicit'].map(
      (key) =>
        [
          `kind-${key}`,
          `of a key ${key}`,
          hex(certificateOf(spkiOf(key))),
          key === 'p256-explicit' ? ONE_ENCODING : KINDS,
        ] as const,
    ),
    [
      'compressed',
      'of a key with a compressed point',
      hex(certificateOf(compressed.subarray(0, 59))),
      ONE_ENCODING,
    ],
    [
      'rsa-no-null',
      'of an RSA key without parameters',
      hex(certificateOf(rsaSpki(integer(n), integer(e), Buffer.alloc(0)))),
      ONE_ENCODING,
    ],
    ['spki', 'the key alone', hex(spkiOf('p256'))],
    ['nothing', 'no byte', ''],
    ['trailing', 'a byte after the end', `${hex(good)}00`],
    ['cut', 'without its last byte', hex(good.subarray(0, -1))],
    ['half', 'its first half', hex(good.subarray(0, good.length >> 1))],
    [
      'pem',
      'the bytes of its PEM',
      hex(
        Buffer.from(
          `-----BEGIN CERTIFICATE-----\n${good.toString('base64')}\n-----END CERTIFICATE-----\n`,
        ),
      ),
    ],
  ]
  return {
    group: 'certificates',
    kind: 'public-key',
    form: 'certificate',
    cases: [...toCases(right, true), ...toCases(wrong, false)],
  }
}
