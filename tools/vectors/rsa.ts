/** What the two RSA paddings share: the raw private operation, and signatures that are changed as numbers. */
import { constants, createPublicKey, type KeyObject, privateEncrypt } from 'node:crypto'
import { ownPrivateKey } from '../../test/support/own-vectors.ts'
import { fixedBytes, flipBits, hex, type MadeCase, toBytes, toNumber } from './made.ts'

/** One key with one hash. */
export interface RsaSetting {
  readonly key: string
  readonly bits: number
  readonly hash: 'sha256' | 'sha384' | 'sha512'
}

/** Every hash, and every size of the modulus. */
export const RSA_SETTINGS: readonly RsaSetting[] = [
  { key: 'rsa2048', bits: 2048, hash: 'sha256' },
  { key: 'rsa2048', bits: 2048, hash: 'sha384' },
  { key: 'rsa2048', bits: 2048, hash: 'sha512' },
  { key: 'rsa3072', bits: 3072, hash: 'sha384' },
  { key: 'rsa4096', bits: 4096, hash: 'sha512' },
]

/** What is signed where a case says nothing else. */
export const RSA_MESSAGE: Buffer = Buffer.from('signed by a test key')

/** Every message that is signed as it must be. */
export const RSA_MESSAGES: readonly (readonly [id: string, comment: string, message: Buffer])[] = [
  ['empty', 'the empty message', Buffer.alloc(0)],
  ['short', 'one byte', Buffer.of(0)],
  ['text', 'a text', RSA_MESSAGE],
  ['long', '500 bytes', fixedBytes('long', 500)],
]

/** Makes a case of a signature. */
export function rsaCase(
  id: string,
  comment: string,
  { message = RSA_MESSAGE, signature }: { message?: Uint8Array; signature: Uint8Array },
  valid = false,
): MadeCase {
  return { id, comment, message: hex(message), signature: hex(signature), valid }
}

/** RSADP of a whole block, whatever is in it. */
export function rawSign(key: string, block: Uint8Array): Buffer {
  const padding = constants.RSA_NO_PADDING
  return privateEncrypt({ key: ownPrivateKey(key), padding }, block)
}

/** The modulus of a key. */
function modulusOf(key: string): bigint {
  const jwk = publicOf(ownPrivateKey(key)).export({ format: 'jwk' })
  return toNumber(Buffer.from(jwk.n ?? '', 'base64url'))
}

function publicOf(key: KeyObject): KeyObject {
  return createPublicKey(key.export({ type: 'pkcs8', format: 'pem' }).toString())
}

/** Signatures that are wrong as numbers or as bytes, whatever the padding; `sign` makes right ones. */
export function numberCases(
  { bits, key }: RsaSetting,
  sign: (message: Uint8Array) => Buffer,
): readonly MadeCase[] {
  const size = bits / 8
  const n = modulusOf(key)
  const signature = sign(RSA_MESSAGE)
  const s = toNumber(signature)
  const wrapping = messageWhere(sign, (made) => toNumber(made) + n < 1n << BigInt(bits))
  const short = messageWhere(sign, (made) => made[0] === 0)
  const zero = Buffer.of(0)
  const numbers: readonly (readonly [string, string, bigint])[] = [
    ['0', 'the number 0', 0n],
    ['1', 'the number 1', 1n],
    ['modulus', 'the modulus', n],
    ['modulus-less-1', 'the modulus less 1', n - 1n],
    ['negated', 'its negative modulo the modulus', n - s],
    ['largest', 'the largest number of its size', (1n << BigInt(bits)) - 1n],
  ]
  const texts: readonly (readonly [string, string, Uint8Array])[] = [
    ['nothing', 'no byte', Buffer.alloc(0)],
    ['cut-last', 'without its last byte', signature.subarray(0, -1)],
    ['cut-first', 'without its first byte', signature.subarray(1)],
    ['half', 'its first half', signature.subarray(0, size / 2)],
    ['zero-before', 'a zero before the start', Buffer.concat([zero, signature])],
    ['zero-after', 'a zero after the end', Buffer.concat([signature, zero])],
    ['twice', 'the signature twice', Buffer.concat([signature, signature])],
    ['reversed', 'in little-endian bytes', Buffer.from(signature).reverse()],
    ['base64', 'as base64', Buffer.from(signature.toString('base64'))],
  ]
  return [
    rsaCase(
      'leading-zero',
      'a signature with a leading zero',
      { message: short, signature: sign(short) },
      true,
    ),
    {
      ...rsaCase('leading-zero-gone', 'without its leading zero', {
        message: short,
        signature: sign(short).subarray(1),
      }),
      rule: 'a signature is as long as the modulus (RFC 8017 sections 8.1.2 and 8.2.2, step 1)',
    },
    rsaCase('plus-modulus', 'the signature and the modulus: the same power', {
      message: wrapping,
      signature: toBytes(toNumber(sign(wrapping)) + n, size),
    }),
    rsaCase('other-message', 'the signature of another message', {
      message: Buffer.from(`${RSA_MESSAGE.toString()}.`),
      signature,
    }),
    ...numbers.map(([id, comment, number]) =>
      rsaCase(`number-${id}`, comment, { signature: toBytes(number, size) }),
    ),
    ...texts.map(([id, comment, value]) => rsaCase(id, comment, { signature: value })),
    ...flipBits(signature, 6).map(({ id, comment, value }) =>
      rsaCase(id, comment, { signature: value }),
    ),
  ]
}

function messageWhere(
  sign: (message: Uint8Array) => Buffer,
  has: (signature: Buffer) => boolean,
): Buffer {
  for (let count = 0; ; count += 1) {
    const message = Buffer.from(`message ${count}`)
    if (has(sign(message))) return message
  }
}
