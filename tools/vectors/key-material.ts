/** What the makers of public keys share: rules, numbers and points that must not be trusted, and SPKI of any numbers. */
import { ownPublicKey } from '../../test/support/own-vectors.ts'
import { bitString, tlv } from './der.ts'
import { fixedBytes, type MadeCase, toNumber } from './made.ts'

/** One case as its maker writes it: bytes in hex. */
export type Text = readonly [id: string, comment: string, data: string, rule?: string | undefined]

/** Rules of ours that others leave to the caller. */
export const STRENGTH =
  'RSA keys have 2048 to 8192 bits and an odd exponent from 3 to 256 bits (FIPS 186-5 section 5.4; ours)'
export const ONE_ENCODING =
  'a key has one encoding: DER, a named curve, an uncompressed point (RFC 5480 section 2; ours)'
export const KINDS = 'only keys on P-256, P-384 and P-521, of RSA and Ed25519 are supported'
export const SOUND =
  'a point of small order, or not in its canonical encoding, is refused (RFC 8032 section 5.1.3; ours)'
/** The identifier of RSA. */
export const RSA_OID: Buffer = Buffer.from('06092a864886f70d010101', 'hex')
/** NULL, DER. */
export const NULL: Buffer = Buffer.of(5, 0)

/** The SubjectPublicKeyInfo of a test key. */
export function spkiOf(key: string): Buffer {
  return ownPublicKey(key).export({ type: 'spki', format: 'der' })
}

/** Makes cases of texts, all with one verdict. */
export function toCases(texts: readonly Text[], valid: boolean): readonly MadeCase[] {
  return texts.map(([id, comment, data, rule]) => ({
    id,
    comment,
    data,
    valid,
    ...(rule !== undefined && { rule }),
  }))
}

/** A SubjectPublicKeyInfo of two numbers, encoded as they are given. */
export function rsaSpki(
  modulus: Uint8Array,
  exponent: Uint8Array,
  parameters: Uint8Array = NULL,
): Buffer {
  return tlv(0x30, tlv(0x30, RSA_OID, parameters), bitString(tlv(0x30, modulus, exponent)))
}

/** Modulus and exponent. */
export interface Numbers {
  readonly n: bigint
  readonly e: bigint
}

/** Modulus and exponent of a test key. */
export function numbersOf(key: string): Numbers {
  const { n = '', e = '' } = ownPublicKey(key).export({ format: 'jwk' })
  return { n: toNumber(Buffer.from(n, 'base64url')), e: toNumber(Buffer.from(e, 'base64url')) }
}

/** A modulus like those of CVE-2017-15361: a power of 65537 modulo every small prime. */
function rocaModulus(): bigint {
  const primes = [
    3n,
    5n,
    7n,
    11n,
    13n,
    17n,
    19n,
    23n,
    29n,
    31n,
    37n,
    41n,
    43n,
    47n,
    53n,
    59n,
    61n,
    67n,
    71n,
    73n,
    79n,
    83n,
    89n,
    97n,
    101n,
    103n,
    107n,
    109n,
    113n,
    127n,
    131n,
    137n,
    139n,
    149n,
    151n,
    157n,
    163n,
    167n,
  ]
  const product = primes.reduce((all, prime) => all * prime, 2n)
  let power = 1n
  for (let count = 0; count < 1000; count += 1) power = (power * 65_537n) % product
  const high = (1n << 2047n) | (toNumber(fixedBytes('roca', 255)) % (1n << 2000n))
  return (high / product) * product + power
}

/** RSA numbers that must not be trusted, in every form that a key has. */
export function weakNumbers(): readonly (readonly [string, string, Numbers])[] {
  const { n, e } = numbersOf('rsa2048')
  return [
    ['exponent-1', 'the exponent 1', { n, e: 1n }],
    ['exponent-2', 'the exponent 2', { n, e: 2n }],
    ['exponent-even', 'an even exponent', { n, e: 65_536n }],
    ['exponent-long', 'an exponent of 257 bits', { n, e: (1n << 256n) + 1n }],
    ['modulus-even', 'an even modulus', { n: n - 1n, e }],
    ['modulus-2047', 'a modulus of 2047 bits', { n: n >> 1n, e }],
    ['modulus-1024', 'a modulus of 1024 bits', numbersOf('rsa1024')],
    ['modulus-long', 'a modulus of 8193 bits', { n: (1n << 8192n) + 1n, e }],
    ['modulus-1', 'the modulus 1', { n: 1n, e }],
    ['roca', 'a modulus of a broken generator (CVE-2017-15361)', { n: rocaModulus(), e }],
  ]
}

/** Ed25519 points that must not be trusted, and one that is not a point. */
export const POINTS_OF_SMALL_ORDER: readonly string[] = [
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  `${'00'.repeat(31)}80`,
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  `ee${'ff'.repeat(30)}7f`,
  'ff'.repeat(32),
]
