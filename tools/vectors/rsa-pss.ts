/** RSASSA-PSS (RFC 8017 section 8.1): an encoder of our own whose every choice can be made wrongly. */
import { sign } from 'node:crypto'
import { ownPrivateKey } from '../../test/support/own-vectors.ts'
import { digest, fixedBytes, hex, type MadeCase, type MadeGroup, type Maker } from './made.ts'
import {
  numberCases,
  rawSign,
  RSA_MESSAGE,
  RSA_MESSAGES,
  RSA_SETTINGS,
  rsaCase,
  type RsaSetting,
} from './rsa.ts'

/** The vectors of RSA with PSS padding. */
export const rsaPss: Maker = {
  format: 'rsa-pss',
  made: 'Encoded by tools/vectors/rsa-pss.ts with salts that follow from the message, then signed by the raw private operation. The salt is as long as the digest and MGF1 uses the same hash; each wrong case differs in one choice.',
  make: () => RSA_SETTINGS.map(makeGroup),
}

/** One choice made in another way than it must be. */
interface Choices {
  readonly salt?: number
  readonly maskHash?: string
  readonly messageHash?: string
  readonly trailer?: number
  /** Changes the data block before it is masked. */
  readonly data?: (block: Buffer, saltAt: number) => void
  /** Changes the encoded message after it is masked. */
  readonly encoded?: (block: Buffer) => void
  readonly zeros?: number
}

function mgf1(hash: string, seed: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = []
  for (let count = 0, made = 0; made < length; count += 1) {
    const block = digest(hash, Buffer.concat([seed, Buffer.of(0, 0, 0, count)]))
    blocks.push(block)
    made += block.length
  }
  return Buffer.concat(blocks).subarray(0, length)
}

function encode({ bits, hash }: RsaSetting, message: Uint8Array, choices: Choices = {}): Buffer {
  const { maskHash = hash, messageHash = hash, trailer = 0xbc, zeros = 8 } = choices
  const hashLength = digest(hash, message).length
  const dataLength = bits / 8 - hashLength - 1
  const saltLength = choices.salt ?? hashLength
  const salt = fixedBytes(`salt of ${hex(message)}`, saltLength)
  const value = Buffer.concat([Buffer.alloc(zeros), digest(messageHash, message), salt])
  const tag = digest(hash, value)
  const data = Buffer.alloc(dataLength)
  data[dataLength - saltLength - 1] = 1
  salt.copy(data, dataLength - saltLength)
  choices.data?.(data, dataLength - saltLength)
  const mask = mgf1(maskHash, tag, dataLength)
  const block = Buffer.concat([
    data.map((byte, at) => byte ^ mask.readUInt8(at)),
    tag,
    Buffer.of(trailer),
  ])
  // One bit less than the modulus has.
  block[0] = block.readUInt8(0) & 0x7f
  choices.encoded?.(block)
  return block
}

/** Signs a message with a salt that follows from it. */
export function signPss(setting: RsaSetting, message: Uint8Array): Buffer {
  return rawSign(setting.key, encode(setting, message))
}

function makeGroup(setting: RsaSetting): MadeGroup {
  const { bits, hash, key } = setting
  const signMessage = (message: Uint8Array): Buffer => signPss(setting, message)
  const cases = [
    ...RSA_MESSAGES.map(([id, comment, message]) =>
      rsaCase(id, comment, { message, signature: signMessage(message) }, true),
    ),
    ...numberCases(setting, signMessage),
    ...choiceCases(setting),
    rsaCase('pkcs1', 'the padding of PKCS#1 v1.5', {
      signature: sign(hash, RSA_MESSAGE, ownPrivateKey(key)),
    }),
  ]
  const algorithm = `PS${hash.slice(3)}`
  return { group: `${algorithm} with ${bits} bits`, kind: 'signature', algorithm, key, cases }
}

function choiceCases(setting: RsaSetting): readonly MadeCase[] {
  const { bits, hash, key } = setting
  const hashLength = Number(hash.slice(3)) / 8
  const longest = bits / 8 - hashLength - 2
  const salts = [0, 1, 20, hashLength - 1, hashLength + 1, longest]
  const others = ['sha1', 'sha256', 'sha384', 'sha512'].filter((name) => name !== hash)
  const flip = (block: Buffer, at: number, bits: number): void => {
    block[at] = block.readUInt8(at) ^ bits
  }
  const choices: readonly (readonly [string, string, Choices])[] = [
    ...salts.map((salt) => [`salt-${salt}`, `a salt of ${salt} bytes`, { salt }] as const),
    ...others.map((name) => [`mask-${name}`, `MGF1 with ${name}`, { maskHash: name }] as const),
    ...others.map(
      (name) => [`over-${name}`, `the message hashed with ${name}`, { messageHash: name }] as const,
    ),
    ['trailer-cc', 'the trailer of another hash', { trailer: 0xcc }],
    ['trailer-0', 'no trailer', { trailer: 0 }],
    ['zeros-7', 'seven zeros before the digest', { zeros: 7 }],
    ['zeros-0', 'no zeros before the digest', { zeros: 0 }],
    ['no-separator', 'no 1 before the salt', { data: (block, at) => void (block[at - 1] = 0) }],
    ['separator-2', '2 before the salt', { data: (block, at) => void (block[at - 1] = 2) }],
    ['separator-early', 'a 1 one byte earlier', { data: (block, at) => void (block[at - 2] = 1) }],
    [
      'pad-first',
      'a first byte of the padding that is not 0',
      { data: (block) => void (block[1] = 1) },
    ],
    [
      'salt-first',
      'another first byte of the salt',
      {
        data: (block, at) => {
          flip(block, at, 1)
        },
      },
    ],
    [
      'salt-last',
      'another last byte of the salt',
      {
        data: (block) => {
          flip(block, block.length - 1, 1)
        },
      },
    ],
    [
      'hash-first',
      'another first byte of the hash',
      {
        encoded: (block) => {
          flip(block, block.length - 1 - hashLength, 1)
        },
      },
    ],
    [
      'hash-last',
      'another last byte of the hash',
      {
        encoded: (block) => {
          flip(block, block.length - 2, 0x80)
        },
      },
    ],
  ]
  return choices.map(([id, comment, choice]) =>
    rsaCase(`block-${id}`, comment, {
      signature: rawSign(key, encode(setting, RSA_MESSAGE, choice)),
    }),
  )
}
