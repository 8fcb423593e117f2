/** Ed25519 (RFC 8032): other encodings, points of small order, S out of range, and its other variants. */
import { sign } from 'node:crypto'
import { ed25519 as curve, ed25519ctx, ed25519ph } from '@noble/curves/ed25519.js'
import { ownPrivateKey, ownPublicKey } from '../../test/support/own-vectors.ts'
import { digest, fixedBytes, flipBits, hex, type MadeCase, type Maker } from './made.ts'

/** The vectors of Ed25519. */
export const ed25519: Maker = {
  format: 'ed25519',
  made: 'Signed by node:crypto, which is deterministic; the points and the numbers are then computed with @noble/curves. Keys of small order have no private half.',
  make: () => [
    { group: 'Ed25519', kind: 'signature', algorithm: 'EdDSA', key: 'ed25519', cases: cases() },
    {
      group: 'Ed25519 with special keys',
      kind: 'signature',
      algorithm: 'EdDSA',
      cases: specialKeys(),
    },
  ],
}

const MESSAGE = Buffer.from('signed by a test key')
const ORDER = curve.Point.CURVE().n
const PRIME = curve.Point.CURVE().p
const HEAD = '302a300506032b6570032100'

/** Encodings of the eight points of small order, and other encodings of three of them. */
const SMALL_ORDER: readonly (readonly [string, string])[] = [
  ['order 1', `01${'00'.repeat(31)}`],
  ['order 2', `ec${'ff'.repeat(30)}7f`],
  ['order 4', '00'.repeat(32)],
  ['order 4, other sign', `${'00'.repeat(31)}80`],
  ['order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
  ['order 8, other sign', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'],
  ['order 8, other y', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
  ['order 8, other y and sign', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'],
  ['order 1, sign bit set', `01${'00'.repeat(30)}80`],
  ['order 1, not canonical', `ee${'ff'.repeat(30)}7f`],
  ['order 4, not canonical', `ed${'ff'.repeat(30)}7f`],
]

function little(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse()
}

function fromLittle(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
}

function signed(message: Uint8Array, key = 'ed25519'): Buffer {
  return sign(null, message, ownPrivateKey(key))
}

function caseOf(
  id: string,
  comment: string,
  { message = MESSAGE, signature }: { message?: Uint8Array; signature: Uint8Array },
  valid = false,
): MadeCase {
  return { id, comment, message: hex(message), signature: hex(signature), valid }
}

function seedOf(key: string): Uint8Array {
  return Buffer.from(ownPrivateKey(key).export({ format: 'jwk' }).d ?? '', 'base64url')
}

function cases(): readonly MadeCase[] {
  const signature = signed(MESSAGE)
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)]
  const number = fromLittle(s)
  const withS = (value: bigint): Buffer => Buffer.concat([r, little(value)])
  const point = ownPublicKey('ed25519').export({ type: 'spki', format: 'der' }).subarray(-32)
  const messages: readonly (readonly [string, string, Buffer])[] = [
    ['empty', 'the empty message', Buffer.alloc(0)],
    ['short', 'one byte', Buffer.of(0)],
    ['text', 'a text', MESSAGE],
    ['long', '500 bytes', fixedBytes('long', 500)],
  ]
  const wrong: readonly (readonly [string, string, Uint8Array])[] = [
    [
      's-plus-order',
      'S and the order: a second signature, computed without the key',
      withS(number + ORDER),
    ],
    ['s-plus-8-orders', 'S and eight times the order', withS(number + 8n * ORDER)],
    ['s-0', 'S is 0', withS(0n)],
    ['s-1', 'S is 1', withS(1n)],
    ['s-order', 'S is the order', withS(ORDER)],
    ['s-order-less-1', 'S is the order less 1', withS(ORDER - 1n)],
    ['s-order-more-1', 'S is the order and 1', withS(ORDER + 1n)],
    ['s-negated', 'S is its negative modulo the order', withS(ORDER - number)],
    ['s-2-253', 'S is 2^253', withS(1n << 253n)],
    ['s-largest', 'S is the largest number of its size', withS((1n << 256n) - 1n)],
    ['s-more', 'S and 1', withS(number + 1n)],
    ['r-sign', 'R with the other sign', flipped(signature, 31, 0x80)],
    ['r-0', 'R is nothing but zeros', Buffer.concat([Buffer.alloc(32), s])],
    ['r-prime', 'R is the prime of the field', Buffer.concat([little(PRIME), s])],
    ['r-not-on-curve', 'R is not a point', Buffer.concat([little(2n), s])],
    [
      'r-largest',
      'R is the largest number of its size',
      Buffer.concat([Buffer.alloc(32, 0xff), s]),
    ],
    ['exchanged', 'R and S exchanged', Buffer.concat([s, r])],
    ['nothing', 'no byte', Buffer.alloc(0)],
    ['zeros', 'nothing but zeros', Buffer.alloc(64)],
    ['r-only', 'R alone', r],
    ['cut-last', 'without its last byte', signature.subarray(0, -1)],
    ['cut-first', 'without its first byte', signature.subarray(1)],
    ['zero-after', 'a zero after the end', Buffer.concat([signature, Buffer.of(0)])],
    ['zero-before', 'a zero before the start', Buffer.concat([Buffer.of(0), signature])],
    ['key-after', 'the public key after it', Buffer.concat([signature, point])],
    ['twice', 'the signature twice', Buffer.concat([signature, signature])],
    [
      'big-endian',
      'R and S in big-endian bytes',
      Buffer.concat([Buffer.from(r).reverse(), Buffer.from(s).reverse()]),
    ],
    ['other-key', 'signed by another key', signed(MESSAGE, 'ed25519-other')],
    ['prehashed', 'signed as Ed25519ph', ed25519ph.sign(MESSAGE, seedOf('ed25519'))],
    [
      'context',
      'signed as Ed25519ctx',
      ed25519ctx.sign(MESSAGE, seedOf('ed25519'), { context: Buffer.from('a') }),
    ],
    ['over-digest', 'signed over the SHA-512 digest', signed(digest('sha512', MESSAGE))],
    ...SMALL_ORDER.map(
      ([name, encoded], index) =>
        [
          `r-small-${index}`,
          `R is a point of ${name}`,
          Buffer.concat([Buffer.from(encoded, 'hex'), s]),
        ] as const,
    ),
  ]
  return [
    ...messages.map(([id, comment, message]) =>
      caseOf(id, comment, { message, signature: signed(message) }, true),
    ),
    caseOf('other-message', 'the signature of another message', {
      message: Buffer.from(`${MESSAGE.toString()}.`),
      signature,
    }),
    caseOf('digest-as-message', 'the digest in the place of the message', {
      message: digest('sha512', MESSAGE),
      signature,
    }),
    ...wrong.map(([id, comment, value]) => caseOf(id, comment, { signature: value })),
    ...flipBits(signature, 16).map(({ id, comment, value }) =>
      caseOf(id, comment, { signature: value }),
    ),
  ]
}

function flipped(bytes: Buffer, at: number, bits: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = changed.readUInt8(at) ^ bits
  return changed
}

/** Under a key of small order one signature fits many messages; a key of mixed order has two readings. */
function specialKeys(): readonly MadeCase[] {
  const rule =
    'a key of small order, or in another encoding than its own, is refused (RFC 8032 section 5.1.3; ours)'
  const identity = Buffer.concat([Buffer.from(SMALL_ORDER[0]?.[1] ?? '', 'hex'), Buffer.alloc(32)])
  const small = SMALL_ORDER.flatMap(([name, encoded], index) => {
    const point = Buffer.from(encoded, 'hex')
    const same = Buffer.concat([point, Buffer.alloc(32)])
    const spki = HEAD + encoded
    return [
      {
        ...caseOf(`small-${index}-identity`, `a key of ${name}, R the identity`, {
          signature: identity,
        }),
        spki,
        rule,
      },
      {
        ...caseOf(`small-${index}-same`, `a key of ${name}, R the same point`, { signature: same }),
        spki,
        rule,
      },
    ]
  })
  return [...small, mixedOrder()]
}

/** A + T with T of order 8: it verifies only where both sides are multiplied by 8 first. */
function mixedOrder(): MadeCase {
  const { scalar, prefix } = curve.utils.getExtendedPublicKey(seedOf('ed25519'))
  const torsion = curve.Point.fromHex(SMALL_ORDER[4]?.[1] ?? '')
  const key = curve.Point.BASE.multiply(scalar).add(torsion).toBytes()
  const find = (count: number): MadeCase => {
    const message = Buffer.from(`message ${count}`)
    const nonce = fromLittle(digest('sha512', Buffer.concat([prefix, message]))) % ORDER
    const point = curve.Point.BASE.multiply(nonce).toBytes()
    const challenge = fromLittle(digest('sha512', Buffer.concat([point, key, message]))) % ORDER
    // A multiple of 8 would take the torsion away, and the signature would be right.
    if (challenge % 8n === 0n) return find(count + 1)
    const s = (nonce + challenge * scalar) % ORDER
    const comment = 'a key of mixed order: right only by the equation that is multiplied by 8'
    const signature = Buffer.concat([point, little(s)])
    return { ...caseOf('mixed-order', comment, { message, signature }), spki: HEAD + hex(key) }
  }
  return find(0)
}
