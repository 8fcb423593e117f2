/** RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2) by encoded messages of our own making, right and wrong. */
import { sign } from 'node:crypto'
import { ownPrivateKey } from '../../test/support/own-vectors.ts'
import { tlv } from './der.ts'
import { mutateDer } from './der-mutations.ts'
import { digest, type MadeCase, type MadeGroup, type Maker, toBytes, toNumber } from './made.ts'
import {
  numberCases,
  rawSign,
  RSA_MESSAGE,
  RSA_MESSAGES,
  RSA_SETTINGS,
  rsaCase,
  type RsaSetting,
} from './rsa.ts'

/** The vectors of RSA with PKCS#1 v1.5 padding. */
export const rsaPkcs1: Maker = {
  format: 'rsa-pkcs1',
  made: 'Right signatures by node:crypto; wrong ones are the raw private operation on encoded messages that are changed byte by byte, and numbers. The key with exponent 3 has forged signatures that were computed without it, as cube roots.',
  make: () => [...RSA_SETTINGS.map(makeGroup), exponentThree()],
}

const OIDS: Readonly<Record<string, Buffer>> = {
  sha1: Buffer.from('06052b0e03021a', 'hex'),
  sha224: Buffer.from('0609608648016503040204', 'hex'),
  sha256: Buffer.from('0609608648016503040201', 'hex'),
  sha384: Buffer.from('0609608648016503040202', 'hex'),
  sha512: Buffer.from('0609608648016503040203', 'hex'),
}
const NULL = Buffer.of(5, 0)

function digestInfo(oid: string, value: Uint8Array, parameters: Uint8Array = NULL): Buffer {
  return tlv(0x30, tlv(0x30, OIDS[oid] ?? NULL, parameters), tlv(4, value))
}

/** An encoded message whose padding fills what is left. */
function pad(
  content: Uint8Array,
  size: number,
  { head = [0, 1], fill = 0xff, separator = [0] } = {},
): Buffer {
  const length = size - content.length - head.length - separator.length
  return Buffer.concat([
    Buffer.from(head),
    Buffer.alloc(Math.max(0, length), fill),
    Buffer.from(separator),
    content,
  ])
}

function makeGroup(setting: RsaSetting): MadeGroup {
  const { bits, hash, key } = setting
  const signMessage = (message: Uint8Array): Buffer => sign(hash, message, ownPrivateKey(key))
  const cases = [
    ...RSA_MESSAGES.map(([id, comment, message]) =>
      rsaCase(id, comment, { message, signature: signMessage(message) }, true),
    ),
    ...numberCases(setting, signMessage),
    ...(bits === 2048 || hash === 'sha384' ? paddingCases(setting) : []),
    ...(key === 'rsa2048' && hash === 'sha256' ? digestInfoCases(setting) : []),
  ]
  const algorithm = `RS${hash.slice(3)}`
  return { group: `${algorithm} with ${bits} bits`, kind: 'signature', algorithm, key, cases }
}

function paddingCases({ bits, hash, key }: RsaSetting): readonly MadeCase[] {
  const size = bits / 8
  const value = digest(hash, RSA_MESSAGE)
  const info = digestInfo(hash, value)
  const good = pad(info, size)
  const changed = (at: number, byte: number): Buffer => {
    const block = Buffer.from(good)
    block[at] = byte
    return block
  }
  const end = size - info.length
  const other = hash === 'sha256' ? 'sha384' : 'sha256'
  const short = (ones: number): Buffer => {
    const start = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(ones, 0xff), Buffer.of(0), info])
    return Buffer.concat([start, Buffer.alloc(size - start.length, 0x5a)])
  }
  const blocks: readonly (readonly [string, string, Buffer])[] = [
    ['block-type-0', 'block type 0', changed(1, 0)],
    ['block-type-2', 'block type 2, that of encryption', changed(1, 2)],
    ['first-byte-1', 'a first byte that is not 0', changed(0, 1)],
    ['pad-first', 'another first byte of the padding', changed(2, 0xfe)],
    ['pad-middle', 'another byte in the middle of the padding', changed(end >> 1, 0)],
    ['pad-last', 'another last byte of the padding', changed(end - 2, 0x7f)],
    ['separator-1', 'a separator that is not 0', changed(end - 1, 1)],
    ['separator-ff', 'no separator', changed(end - 1, 0xff)],
    ['short-0', 'no padding and bytes after the digest', short(0)],
    ['short-8', 'eight bytes of padding and bytes after the digest', short(8)],
    ['short-most', 'one byte after the digest', short(size - info.length - 4)],
    ['bare-digest', 'the digest without its algorithm', pad(value, size)],
    ['other-oid', `the digest named ${other}`, pad(digestInfo(other, value), size)],
    ['sha1-oid', 'the digest named SHA-1', pad(digestInfo('sha1', value), size)],
    [
      'other-hash',
      `signed with ${other}`,
      pad(digestInfo(other, digest(other, RSA_MESSAGE)), size),
    ],
    ['over-sha1', 'signed with SHA-1', pad(digestInfo('sha1', digest('sha1', RSA_MESSAGE)), size)],
    ['no-null', 'no NULL after the algorithm', pad(digestInfo(hash, value, Buffer.alloc(0)), size)],
    ['message', 'the message in the place of the digest', pad(digestInfo(hash, RSA_MESSAGE), size)],
    ['garbage-after', 'bytes after the digest', pad(Buffer.concat([info, Buffer.of(0, 0)]), size)],
    ['zeros', 'padding of zeros', pad(info, size, { fill: 0 })],
    ['text', 'the message alone', pad(RSA_MESSAGE, size)],
  ]
  return [
    rsaCase(
      'block-as-it-is',
      'what the following cases change',
      { signature: rawSign(key, good) },
      true,
    ),
    ...blocks.map(([id, comment, block]) =>
      rsaCase(`block-${id}`, comment, { signature: rawSign(key, block) }),
    ),
  ]
}

/** Every other encoding of the same DigestInfo. */
function digestInfoCases({ bits, hash, key }: RsaSetting): readonly MadeCase[] {
  const info = digestInfo(hash, digest(hash, RSA_MESSAGE))
  return mutateDer(info).map(({ id, comment, value }) =>
    rsaCase(`info-${id}`, `DigestInfo: ${comment}`, {
      signature: rawSign(key, pad(value, bits / 8)),
    }),
  )
}

/** With exponent 3, a cube that only begins like an encoded message is easy to find. */
function exponentThree(): MadeGroup {
  const key = 'rsa2048-e3'
  const size = 256
  const info = digestInfo('sha256', digest('sha256', RSA_MESSAGE))
  const signature = sign('sha256', RSA_MESSAGE, ownPrivateKey(key))
  const forged = (ones: number): Buffer => {
    const start = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(ones, 0xff), Buffer.of(0), info])
    const target = toNumber(Buffer.concat([start, Buffer.alloc(size - start.length, 0xff)]))
    return toBytes(cubeRoot(target), size)
  }
  const cases = [
    rsaCase('right', 'a right signature', { signature }, true),
    ...[0, 1, 8, 16].map((ones) =>
      rsaCase(`cube-${ones}`, `a cube root: ${ones} bytes of padding, the rest after the digest`, {
        signature: forged(ones),
      }),
    ),
    rsaCase('cube-of-digest', 'the cube root of a block that ends in zeros', {
      signature: toBytes(cubeRoot(toNumber(pad(info, size))), size),
    }),
  ]
  return { group: 'RS256 with exponent 3', kind: 'signature', algorithm: 'RS256', key, cases }
}

/** The largest number whose cube is not above another. */
function cubeRoot(number: bigint): bigint {
  let low = 0n
  let high = 1n << BigInt(Math.ceil(number.toString(2).length / 3) + 1)
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (middle ** 3n <= number) low = middle
    else high = middle
  }
  return low
}
