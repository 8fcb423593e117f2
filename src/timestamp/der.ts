/**
 * DER (ITU-T X.690): as much of it as time stamps and their certificates are made of. Written by hand
 * because a time stamp stands in the way of every signature: with the ASN.1 schemas of PKI.js one took
 * 5 ms to write and read back, with this it takes less than the signature inside it.
 *
 * @packageDocumentation
 */
import { DerReader, TAG } from '../crypto/der-reader.ts'
import { CountersignError } from '../errors.ts'

/** Writes one element around contents that are already DER, or raw bytes of a primitive type. */
export function encode(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Uint8Array.of(tag, ...encodeLength(length)), ...contents])
}

function encodeLength(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 + bytes.length, ...bytes]
}

/** Writes a SEQUENCE. */
export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encode(TAG.sequence, ...parts)
}

/** Writes a SET OF, its elements in the order DER demands (X.690 section 11.6). */
export function setOf(...parts: readonly Uint8Array[]): Uint8Array {
  return encode(TAG.set, ...parts.toSorted((a, b) => Buffer.compare(a, b)))
}

/** Writes an INTEGER that is not negative: a small number, or the big-endian bytes of a large one. */
export function integer(value: number | Uint8Array): Uint8Array {
  const bytes = typeof value === 'number' ? encodeNumber(value) : value
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const digits = bytes.subarray(start)
  const sign = (digits[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : new Uint8Array()
  return encode(TAG.integer, sign, digits)
}

function encodeNumber(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Writes an OCTET STRING. */
export function octetString(bytes: Uint8Array): Uint8Array {
  return encode(TAG.octetString, bytes)
}

/** Writes a BIT STRING; `unusedBits` of its last byte don't count. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return encode(TAG.bitString, Uint8Array.of(unusedBits), bytes)
}

/** Writes a BIT STRING of named bits with exactly one of them set, as short as DER demands. */
export function namedBit(bit: number): Uint8Array {
  const bytes = new Uint8Array(Math.floor(bit / 8) + 1)
  bytes[bytes.length - 1] = 0x80 >> (bit % 8)
  return bitString(bytes, 7 - (bit % 8))
}

/** Writes an OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...arcs] = dotted.split('.').map(Number)
  return encode(TAG.oid, Uint8Array.from([first * 40 + second, ...arcs].flatMap(encodeArc)))
}

function encodeArc(arc: number): readonly number[] {
  const bytes = [arc % 128]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(128 + (rest % 128))
  }
  return bytes
}

/** Writes BOOLEAN TRUE; FALSE is a default everywhere here, and defaults are not written. */
export function booleanTrue(): Uint8Array {
  return encode(TAG.boolean, Uint8Array.of(0xff))
}

/** Writes a GeneralizedTime; a fraction is written only where there is one. */
export function generalizedTime(time: Date): Uint8Array {
  const [date = '', clock = ''] = time.toISOString().split('T')
  const fraction = clock.slice(8, 12).replace(/\.?0+$/, '')
  const text = `${date.replaceAll('-', '')}${clock.slice(0, 8).replaceAll(':', '')}${fraction}Z`
  return encode(TAG.generalizedTime, Buffer.from(text, 'latin1'))
}

/** The error of every byte that is not what the format demands: flat, since the bytes are hostile. */
export function malformedDer(): CountersignError {
  return new CountersignError('ERR_TIMESTAMP_INVALID', 'malformed time-stamp message')
}

/** Reads a time-stamp message, or a part of it; whatever is wrong becomes {@link malformedDer}. */
export function readDer(bytes: Uint8Array): DerReader {
  return new DerReader(bytes, malformedDer)
}
