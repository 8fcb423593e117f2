/** ECDSA on the three NIST curves, in DER and as r and s side by side (IEEE P1363). */
import { createPublicKey } from 'node:crypto'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { ownPrivateKey } from '../../test/support/own-vectors.ts'
import { integer, tlv } from './der.ts'
import { mutateDer } from './der-mutations.ts'
import {
  digest,
  fixedBytes,
  flipBits,
  hex,
  type MadeCase,
  type MadeGroup,
  type Maker,
  toBytes,
  toNumber,
} from './made.ts'

interface Setting {
  readonly algorithm: string
  readonly key: string
  readonly hash: string
  readonly curve: typeof p256
  readonly size: number
}

const SETTINGS: readonly Setting[] = [
  { algorithm: 'ES256', key: 'p256', hash: 'sha256', curve: p256, size: 32 },
  { algorithm: 'ES384', key: 'p384', hash: 'sha384', curve: p384, size: 48 },
  { algorithm: 'ES512', key: 'p521', hash: 'sha512', curve: p521, size: 66 },
]

const FORMS = ['der', 'p1363'] as const
type Form = (typeof FORMS)[number]

/** Two numbers that may be a signature. */
interface Pair {
  readonly r: bigint
  readonly s: bigint
}

const MESSAGE = Buffer.from('signed by a test key')

/** The ECDSA vectors. */
export const ecdsa: Maker = {
  format: 'ecdsa',
  made: 'Signed by @noble/curves with the nonces of RFC 6979, so the same key makes the same file. Numbers are then replaced, and the encoding is changed element by element. The keys of "chosen numbers" are computed from the signature.',
  make: () =>
    SETTINGS.flatMap((setting) => FORMS.map((form) => makeGroup(setting, form))).concat(
      SETTINGS.map(chosenNumbers),
    ),
}

function makeGroup(setting: Setting, form: Form): MadeGroup {
  const { algorithm, key } = setting
  const cases = [
    ...validCases(setting, form),
    ...numberCases(setting, form),
    ...otherSigners(setting, form),
    ...(form === 'der' ? derCases(setting) : p1363Cases(setting)),
  ]
  return {
    group: `${algorithm} ${form === 'der' ? 'DER' : 'P1363'}`,
    kind: 'signature',
    algorithm,
    key,
    form,
    cases,
  }
}

function scalarOf(key: string): Uint8Array {
  return Buffer.from(ownPrivateKey(key).export({ format: 'jwk' }).d ?? '', 'base64url')
}

/** Signatures that were made already: messages with a property are searched for twice. */
const known = new Map<string, Pair>()

function sign(setting: Setting, message: Uint8Array): Pair {
  const name = `${setting.key} ${setting.hash} ${hex(message)}`
  const pair = known.get(name) ?? signAnew(setting, message)
  known.set(name, pair)
  return pair
}

function signAnew({ curve, hash, key, size }: Setting, message: Uint8Array): Pair {
  const options = { prehash: false, lowS: false, format: 'compact' } as const
  const both = curve.sign(digest(hash, message), scalarOf(key), options)
  return { r: toNumber(both.subarray(0, size)), s: toNumber(both.subarray(size)) }
}

/** Signs a message in P1363 form, with the nonce of RFC 6979. */
export function signEcdsa(algorithm: string, message: Uint8Array): Buffer {
  const setting = SETTINGS.find((one) => one.algorithm === algorithm)
  if (setting === undefined) throw new TypeError(`no ECDSA algorithm: ${algorithm}`)
  return encode(sign(setting, message), 'p1363', setting.size)
}

function encode({ r, s }: Pair, form: Form, size: number): Buffer {
  if (form === 'der') return tlv(0x30, integer(r), integer(s))
  return Buffer.concat([toBytes(r, size), toBytes(s, size)])
}

/** The first of numbered messages whose signature has a property. */
function messageWhere(setting: Setting, has: (pair: Pair) => boolean): Buffer {
  for (let count = 0; ; count += 1) {
    const message = Buffer.from(`message ${count}`)
    if (has(sign(setting, message))) return message
  }
}

function validCases(setting: Setting, form: Form): readonly MadeCase[] {
  const { curve, size } = setting
  const order = curve.Point.CURVE().n
  // A number of P-521 has seven unused bits in its top byte.
  const small = 1n << BigInt(size * 8 - (size === 66 ? 9 : 8))
  const messages: readonly (readonly [string, string, Buffer])[] = [
    ['empty', 'the empty message', Buffer.alloc(0)],
    ['short', 'one byte', Buffer.of(0)],
    ['long', '500 bytes', fixedBytes('long', 500)],
    ['low-s', 's below half of the order', messageWhere(setting, ({ s }) => s < order / 2n)],
    ['high-s', 's above half of the order', messageWhere(setting, ({ s }) => s > order / 2n)],
    ['short-r', 'r with a leading zero byte', messageWhere(setting, ({ r }) => r < small)],
    ['short-s', 's with a leading zero byte', messageWhere(setting, ({ s }) => s < small)],
  ]
  return messages.map(([id, comment, message]) =>
    caseOf(id, comment, { message, signature: encode(sign(setting, message), form, size) }, true),
  )
}

function caseOf(
  id: string,
  comment: string,
  { message = MESSAGE, signature }: { message?: Uint8Array; signature: Uint8Array },
  valid = false,
): MadeCase {
  return { id, comment, message: hex(message), signature: hex(signature), valid }
}

/** Numbers out of range, exchanged or shifted by the order. */
function numberCases(setting: Setting, form: Form): readonly MadeCase[] {
  const { curve, size } = setting
  const { n, p } = curve.Point.CURVE()
  const { r, s } = sign(setting, MESSAGE)
  const pairs: readonly (readonly [string, string, Pair])[] = [
    ['r-0', 'r is 0', { r: 0n, s }],
    ['s-0', 's is 0', { r, s: 0n }],
    ['both-0', 'both are 0', { r: 0n, s: 0n }],
    ['r-order', 'r is the order', { r: n, s }],
    ['s-order', 's is the order', { r, s: n }],
    ['both-order', 'both are the order', { r: n, s: n }],
    ['r-order-less-1', 'r is the order less 1', { r: n - 1n, s }],
    ['s-order-less-1', 's is the order less 1', { r, s: n - 1n }],
    ['r-order-more-1', 'r is the order and 1', { r: n + 1n, s }],
    ['s-order-more-1', 's is the order and 1', { r, s: n + 1n }],
    ['r-prime', 'r is the prime of the field', { r: p, s }],
    ['r-1', 'r is 1', { r: 1n, s }],
    ['s-1', 's is 1', { r, s: 1n }],
    ['both-1', 'both are 1', { r: 1n, s: 1n }],
    ['exchanged', 'r and s exchanged', { r: s, s: r }],
    ['r-negated', 'r is its negative modulo the order', { r: n - r, s }],
    ['r-plus-order', 'r and the order', { r: r + n, s }],
    ['s-plus-order', 's and the order', { r, s: s + n }],
    ['r-largest', 'r is the largest number of its size', { r: largest(size), s }],
    ['s-largest', 's is the largest number of its size', { r, s: largest(size) }],
    ['r-more', 'r and 1', { r: r + 1n, s }],
    ['s-more', 's and 1', { r, s: s + 1n }],
  ]
  const fitting = pairs.filter(([, , pair]) => form === 'der' || fits(pair, size))
  return [
    ...fitting.map(([id, comment, pair]) =>
      caseOf(id, comment, { signature: encode(pair, form, size) }),
    ),
    caseOf(
      's-negated',
      'the other s: a second valid signature',
      {
        signature: encode({ r, s: n - s }, form, size),
      },
      true,
    ),
  ]
}

function largest(size: number): bigint {
  return (1n << BigInt(8 * size)) - 1n
}

function fits({ r, s }: Pair, size: number): boolean {
  return r <= largest(size) && s <= largest(size)
}

/** Signatures of other messages, hashes and keys. */
function otherSigners(setting: Setting, form: Form): readonly MadeCase[] {
  const { size } = setting
  const signature = encode(sign(setting, MESSAGE), form, size)
  const hashes = ['sha1', 'sha256', 'sha384', 'sha512'].filter((hash) => hash !== setting.hash)
  const other = SETTINGS.find(({ algorithm }) => algorithm !== setting.algorithm) ?? setting
  return [
    caseOf('other-message', 'the signature of another message', {
      message: Buffer.from(`${MESSAGE.toString()}.`),
      signature,
    }),
    caseOf('digest-as-message', 'the digest in the place of the message', {
      message: digest(setting.hash, MESSAGE),
      signature,
    }),
    ...hashes.map((hash) =>
      caseOf(`over-${hash}`, `signed with ${hash}`, {
        signature: encode(sign({ ...setting, hash }, MESSAGE), form, size),
      }),
    ),
    caseOf('other-curve', `signed by the key of ${other.algorithm}`, {
      signature: encode(sign(other, MESSAGE), form, other.size),
    }),
    ...(setting.key === 'p256'
      ? [
          caseOf('other-key', 'signed by another key on the curve', {
            signature: encode(sign({ ...setting, key: 'p256-other' }, MESSAGE), form, size),
          }),
        ]
      : []),
    ...flipBits(signature, 12).map(({ id, comment, value }) =>
      caseOf(id, comment, { signature: value }),
    ),
  ]
}

function derCases(setting: Setting): readonly MadeCase[] {
  // Both numbers with a set top bit, so that negative ones come of leaving a byte out.
  const top = 1n << BigInt(setting.size === 66 ? 519 : setting.size * 8 - 1)
  const message = messageWhere(
    setting,
    ({ r, s }) => (r & s & top) !== 0n && r < top * 2n && s < top * 2n,
  )
  const { r, s } = sign(setting, message)
  const der = encode({ r, s }, 'der', setting.size)
  const bare = (number: bigint): Buffer => tlv(2, toBytes(number))
  const texts: readonly (readonly [string, string, Uint8Array])[] = [
    ['negative-r', 'r without the zero before its set top bit', tlv(0x30, bare(r), integer(s))],
    ['negative-s', 's without the zero before its set top bit', tlv(0x30, integer(r), bare(s))],
    ['p1363', 'the other form', encode({ r, s }, 'p1363', setting.size)],
    ['hex', 'as hex', Buffer.from(hex(der))],
    ['base64', 'as base64', Buffer.from(der.toString('base64'))],
    ['nothing', 'no byte', Buffer.alloc(0)],
    ['bit-string', 'wrapped in a BIT STRING', tlv(3, Buffer.of(0), der)],
    ['octet-string', 'wrapped in an OCTET STRING', tlv(4, der)],
  ]
  return [
    caseOf('der-as-it-is', 'what the following cases change', { message, signature: der }, true),
    ...texts.map(([id, comment, signature]) => caseOf(id, comment, { message, signature })),
    ...mutateDer(der).map(({ id, comment, value }) =>
      caseOf(`der-${id}`, comment, { message, signature: value }),
    ),
  ]
}

function p1363Cases(setting: Setting): readonly MadeCase[] {
  const { size } = setting
  const pair = sign(setting, MESSAGE)
  const signature = encode(pair, 'p1363', size)
  const [r, s] = [signature.subarray(0, size), signature.subarray(size)]
  const zero = Buffer.of(0)
  const texts: readonly (readonly [string, string, Uint8Array])[] = [
    ['der', 'the other form', encode(pair, 'der', size)],
    ['nothing', 'no byte', Buffer.alloc(0)],
    ['zeros', 'nothing but zeros', Buffer.alloc(2 * size)],
    ['r-only', 'r alone', r],
    ['cut-1', 'without its last byte', signature.subarray(0, -1)],
    ['cut-2', 'without its last two bytes', signature.subarray(0, -2)],
    ['cut-first', 'without its first byte', signature.subarray(1)],
    ['zero-after', 'a zero after the end', Buffer.concat([signature, zero])],
    ['zeros-after', 'two zeros after the end', Buffer.concat([signature, zero, zero])],
    ['zero-before', 'a zero before the start', Buffer.concat([zero, signature])],
    ['padded', 'both numbers one byte longer', Buffer.concat([zero, r, zero, s])],
    ['twice', 'the signature twice', Buffer.concat([signature, signature])],
    [
      'reversed',
      'in little-endian bytes',
      Buffer.concat([Buffer.from(r).reverse(), Buffer.from(s).reverse()]),
    ],
    ['hex', 'as hex', Buffer.from(hex(signature))],
  ]
  return texts.map(([id, comment, value]) => caseOf(id, comment, { signature: value }))
}

/** Small, large and special numbers that verify: the nonce and s are chosen and the key is computed. */
function chosenNumbers(setting: Setting): MadeGroup {
  const { algorithm, curve, hash, size } = setting
  const { n } = curve.Point.CURVE()
  const e =
    toNumber(digest(hash, MESSAGE)) >> BigInt(Math.max(0, digest(hash, MESSAGE).length - size) * 8)
  const chosen: readonly (readonly [string, bigint, bigint])[] = [
    ['s is 1', 2n, 1n],
    ['s is 127, one byte of DER', 3n, 127n],
    ['s is 128, two bytes of DER', 3n, 128n],
    ['s is 255', 3n, 255n],
    ['s is 256', 3n, 256n],
    ['s is half of the order', 4n, (n - 1n) / 2n],
    ['s is half of the order and 1', 4n, (n + 1n) / 2n],
    ['s is the order less 1', 5n, n - 1n],
    ['the nonce is 1: R is the base point', 1n, 1_234_567n],
    ['the nonce is the order less 1', n - 1n, 1_234_567n],
    ['s is a power of two', 6n, 1n << BigInt(size * 4)],
  ]
  const cases = chosen.flatMap(([comment, k, s], index) => {
    const r = curve.Point.BASE.multiply(k).toAffine().x % n
    const d = mod((s * k - e) * inverse(r, n), n)
    const spki = toSpki(setting, curve.Point.BASE.multiply(d).toBytes(false))
    return FORMS.flatMap((form) => [
      {
        ...caseOf(
          `chosen-${index}-${form}`,
          comment,
          { signature: encode({ r, s }, form, size) },
          true,
        ),
        form,
        spki,
      },
      {
        ...caseOf(`chosen-${index}-${form}-more`, `${comment}, and 2`, {
          signature: encode({ r, s: s + 2n }, form, size),
        }),
        form,
        spki,
      },
    ])
  })
  return { group: `${algorithm} chosen numbers`, kind: 'signature', algorithm, cases }
}

function toSpki({ algorithm, size }: Setting, point: Uint8Array): string {
  const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)].map((coordinate) =>
    Buffer.from(coordinate).toString('base64url'),
  )
  const crv = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[algorithm] ?? ''
  const jwk = { kty: 'EC', crv, x: x ?? '', y: y ?? '' }
  return hex(createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' }))
}

function mod(number: bigint, order: bigint): bigint {
  return ((number % order) + order) % order
}

/** By Fermat: the order of every curve here is prime. */
function inverse(number: bigint, prime: bigint): bigint {
  let [result, base] = [1n, mod(number, prime)]
  for (let power = prime - 2n; power > 0n; power >>= 1n) {
    if ((power & 1n) === 1n) result = (result * base) % prime
    base = (base * base) % prime
  }
  return result
}
