/** What the makers of vectors share: the shape of what they make, and numbers as bytes. */
import { createHash } from 'node:crypto'
import type { VectorCase } from '../../test/support/own-vectors.ts'

/** What the implementations that confirm a verdict are asked. */
export type VectorKind =
  | 'signature'
  | 'public-key'
  | 'jws'
  | 'jwks'
  | 'jwt'
  | 'envelope'
  | 'pae'
  | 'note'
  | 'note-key'
  | 'checkpoint'
  | 'inclusion'
  | 'consistency'
  | 'statement'
  | 'image-reference'
  | 'digest'
  | 'pkcs11-uri'
  | 'json'
  | 'time-stamp'
  | 'bundle'

/** A case as its maker knows it: an input and the verdict it must get. */
export type MadeCase = Omit<VectorCase, 'confirmedBy' | 'contradictedBy'> &
  Readonly<Record<string, unknown>>

/** Cases that have a kind, and often a key, in common. */
export interface MadeGroup {
  readonly group: string
  readonly kind: VectorKind
  readonly key?: string
  readonly algorithm?: string
  /** How the input is encoded. */
  readonly form?: string
  readonly cases: readonly MadeCase[]
}

/** One file of vectors and how it is made; the same keys make the same file. */
export interface Maker {
  readonly format: string
  /** How the inputs are made, for the reader of the file. */
  readonly made: string
  readonly make: () => readonly MadeGroup[] | Promise<readonly MadeGroup[]>
}

/** A changed input, before its verdict is known. */
export interface Mutation<T> {
  readonly id: string
  readonly comment: string
  readonly value: T
}

/** Bytes as the files write them. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** A number in big-endian bytes; as many as are needed where no size is given. */
export function toBytes(number: bigint, size?: number): Buffer {
  const digits = number.toString(16)
  const even = digits.padStart(
    size === undefined ? digits.length + (digits.length % 2) : size * 2,
    '0',
  )
  return Buffer.from(even, 'hex')
}

/** The number of big-endian bytes. */
export function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(bytes)}`)
}

/** SHA-2 or SHA-1 of bytes. */
export function digest(hash: string, bytes: Uint8Array): Buffer {
  return createHash(hash).update(bytes).digest()
}

/** Bytes that look random and are the same in every run. */
export function fixedBytes(seed: string, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest()
}

/** One flipped bit at each of several places, from the first byte to the last. */
export function flipBits(bytes: Uint8Array, places = 8): readonly Mutation<Buffer>[] {
  return Array.from({ length: places }, (_, index) => {
    const at = Math.round((index * (bytes.length - 1)) / (places - 1))
    const value = Buffer.from(bytes)
    const bit = index % 8
    value[at] = value.readUInt8(at) ^ (1 << bit)
    return { id: `flip-${at}-${bit}`, comment: `bit ${bit} of byte ${at} flipped`, value }
  })
}
