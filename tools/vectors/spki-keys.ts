/** Public keys as SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) in DER. */
import { ownPrivateKey, ownPublicKey } from '../../test/support/own-vectors.ts'
import { bitString, integer, tlv } from './der.ts'
import { mutateDer } from './der-mutations.ts'
import {
  KINDS,
  NULL,
  numbersOf,
  ONE_ENCODING,
  POINTS_OF_SMALL_ORDER,
  RSA_OID,
  rsaSpki,
  SOUND,
  spkiOf,
  STRENGTH,
  toCases,
  weakNumbers,
} from './key-material.ts'
import { hex, type MadeGroup, toBytes } from './made.ts'

/** Every right key, every other encoding, and numbers that must not be trusted. */
export function spkis(): MadeGroup {
  const [p256, rsa, ed25519] = [spkiOf('p256'), spkiOf('rsa2048'), spkiOf('ed25519')]
  const { n, e } = numbersOf('rsa2048')
  const right = ['p256', 'p384', 'p521', 'rsa2048', 'rsa2048-e3', 'rsa3072', 'rsa4096', 'ed25519']
  const head = p256.subarray(0, 26)
  const point = p256.subarray(27)
  const [x, y] = [point.subarray(0, 32), point.subarray(32)]
  const curveOids = {
    p384: '06052b81040022',
    secp256k1: '06052b8104000a',
    'an unknown curve': '06032a0304',
  }
  const ecSpki = (oid: Uint8Array, encoded: Uint8Array): Buffer =>
    tlv(0x30, tlv(0x30, Buffer.from('06072a8648ce3d0201', 'hex'), oid), bitString(encoded))
  const p256Oid = Buffer.from('06082a8648ce3d030107', 'hex')
  const wrong: readonly (readonly [string, string, Uint8Array, string?])[] = [
    [
      'ec-compressed',
      'a compressed point',
      ecSpki(p256Oid, Buffer.concat([Buffer.of(2 + (y.readUInt8(31) & 1)), x])),
      ONE_ENCODING,
    ],
    [
      'ec-hybrid',
      'a hybrid point',
      ecSpki(p256Oid, Buffer.concat([Buffer.of(6 + (y.readUInt8(31) & 1)), x, y])),
      ONE_ENCODING,
    ],
    ['ec-infinity', 'the point at infinity', ecSpki(p256Oid, Buffer.of(0))],
    ['ec-zeros', 'the point 0, 0', Buffer.concat([head, Buffer.of(4), Buffer.alloc(64)])],
    ['ec-off-curve', 'a point that is not on the curve', Buffer.concat([head, Buffer.of(4), x, x])],
    [
      'ec-x-large',
      'x is the largest number of its size',
      Buffer.concat([head, Buffer.of(4), Buffer.alloc(32, 0xff), y]),
    ],
    [
      'ec-short',
      'a point of 63 bytes',
      ecSpki(p256Oid, Buffer.concat([Buffer.of(4), point.subarray(0, 63)])),
    ],
    [
      'ec-long',
      'a point of 65 bytes',
      ecSpki(p256Oid, Buffer.concat([Buffer.of(4), point, Buffer.of(0)])),
    ],
    ['ec-no-form', 'a point without its first byte', ecSpki(p256Oid, point)],
    ['ec-explicit', 'explicit parameters of the curve', spkiOf('p256-explicit'), ONE_ENCODING],
    [
      'ec-null',
      'NULL in the place of the curve',
      ecSpki(NULL, Buffer.concat([Buffer.of(4), point])),
    ],
    ...Object.entries(curveOids).map(
      ([name, oid]) =>
        [
          `ec-oid-${name.replaceAll(' ', '-')}`,
          `the point under ${name}`,
          ecSpki(Buffer.from(oid, 'hex'), Buffer.concat([Buffer.of(4), point])),
        ] as const,
    ),
    ...['secp256k1', 'ed448', 'x25519'].map(
      (key) => [`kind-${key}`, `a key of ${key}`, spkiOf(key), KINDS] as const,
    ),
    [
      'rsa-no-null',
      'RSA without parameters',
      rsaSpki(integer(n), integer(e), Buffer.alloc(0)),
      ONE_ENCODING,
    ],
    [
      'rsa-pss',
      'an RSA key for PSS alone',
      Buffer.from(hex(rsa).replace('2a864886f70d010101', '2a864886f70d01010a'), 'hex'),
      KINDS,
    ],
    ['rsa-negative', 'a negative modulus', rsaSpki(tlv(2, toBytes(n)), integer(e))],
    ['rsa-zero', 'the modulus 0', rsaSpki(integer(0n), integer(e)), STRENGTH],
    [
      'rsa-padded',
      'a modulus with one zero more',
      rsaSpki(tlv(2, Buffer.of(0), Buffer.of(0), toBytes(n)), integer(e)),
    ],
    ['rsa-exchanged', 'modulus and exponent exchanged', rsaSpki(integer(e), integer(n)), STRENGTH],
    [
      'rsa-third',
      'a third number',
      tlv(
        0x30,
        tlv(0x30, RSA_OID, NULL),
        bitString(tlv(0x30, integer(n), integer(e), integer(1n))),
      ),
      ONE_ENCODING,
    ],
    [
      'rsa-bare',
      'an RSAPublicKey without its algorithm',
      ownPublicKey('rsa2048').export({ type: 'pkcs1', format: 'der' }),
      ONE_ENCODING,
    ],
    ...weakNumbers().map(
      ([id, comment, weak]) =>
        [`rsa-${id}`, comment, rsaSpki(integer(weak.n), integer(weak.e)), STRENGTH] as const,
    ),
    [
      'okp-null',
      'Ed25519 with NULL as parameters',
      tlv(0x30, tlv(0x30, Buffer.from('06032b6570', 'hex'), NULL), bitString(ed25519.subarray(12))),
      ONE_ENCODING,
    ],
    [
      'okp-short',
      'an Ed25519 key of 31 bytes',
      tlv(0x30, ed25519.subarray(2, 9), bitString(ed25519.subarray(12, 43))),
    ],
    [
      'okp-long',
      'an Ed25519 key of 33 bytes',
      tlv(
        0x30,
        ed25519.subarray(2, 9),
        bitString(Buffer.concat([ed25519.subarray(12), Buffer.of(0)])),
      ),
    ],
    ...POINTS_OF_SMALL_ORDER.map(
      (encoded, index) =>
        [
          `okp-small-${index}`,
          'an Ed25519 point that must not be trusted',
          Buffer.concat([ed25519.subarray(0, 12), Buffer.from(encoded, 'hex')]),
          SOUND,
        ] as const,
    ),
    [
      'private',
      'a private key (PKCS#8)',
      ownPrivateKey('p256').export({ type: 'pkcs8', format: 'der' }),
    ],
    ['nothing', 'no byte', Buffer.alloc(0)],
    [
      'unused-bits',
      'a BIT STRING with unused bits',
      Buffer.concat([p256.subarray(0, 25), Buffer.of(1), p256.subarray(26)]),
    ],
    ...[
      ['ec', p256, 8],
      ['okp', ed25519, 8],
      ['rsa', rsa, 3],
    ].flatMap(([name, der, depth]) =>
      mutateDer(der as Buffer, depth as number).map(
        ({ id, comment, value }) =>
          [`${String(name)}-der-${id}`, comment, value, ONE_ENCODING] as const,
      ),
    ),
    ...mutateDer(tlv(0x30, integer(n), integer(e))).map(
      ({ id, comment, value }) =>
        [
          `rsa-numbers-${id}`,
          `RSAPublicKey: ${comment}`,
          tlv(0x30, tlv(0x30, RSA_OID, NULL), bitString(value)),
          ONE_ENCODING,
        ] as const,
    ),
  ]
  const cases = [
    ...toCases(
      right.map((key) => [key, `a key ${key}`, hex(spkiOf(key))]),
      true,
    ),
    ...toCases(
      wrong.map(([id, comment, der, rule]) => [id, comment, hex(der), rule]),
      false,
    ),
  ]
  return { group: 'SPKI', kind: 'public-key', form: 'der', cases }
}
