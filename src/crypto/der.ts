/**
 * ECDSA signatures between their two forms: IEEE P1363 (r and s side by side, the only form used
 * inside countersign and in JWS, RFC 7518 section 3.4) and DER (RFC 3279 section 2.2.3, what Sigstore,
 * KMS and OpenSSL write). Only what those two integers need of X.690 is implemented, and only DER's
 * one valid encoding is read.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { Algorithm, Curve } from './algorithms.ts'

const SEQUENCE = 0x30
const INTEGER = 0x02

function malformed(): CountersignError {
  return new CountersignError('ERR_SIGNATURE_INVALID', 'malformed ECDSA signature')
}

/** Reads one tag-length-value; the value must fill exactly the declared length. */
function readValue(der: Uint8Array, offset: number, tag: number): Uint8Array {
  const length = der[offset + 1]
  if (der[offset] !== tag || length === undefined) throw malformed()
  if (length < 0x80) return slice(der, offset + 2, length)
  // P-521 is the only curve whose sequence passes 127 bytes; one length byte is the minimal form.
  const long = der[offset + 2]
  if (length !== 0x81 || long === undefined || long < 0x80) throw malformed()
  return slice(der, offset + 3, long)
}

function slice(der: Uint8Array, start: number, length: number): Uint8Array {
  if (start + length > der.length) throw malformed()
  return der.subarray(start, start + length)
}

/** Checks an INTEGER's contents (positive, minimal) and writes it right-aligned before `end`. */
function writeCoordinate(
  signature: Uint8Array,
  end: number,
  contents: Uint8Array,
  size: number,
): void {
  const [first, second] = contents
  if (first === undefined || first >= 0x80) throw malformed()
  if (first === 0 && (second === undefined || second < 0x80)) throw malformed()
  const digits = first === 0 ? contents.subarray(1) : contents
  if (digits.length > size) throw malformed()
  signature.set(digits, end - digits.length)
}

/**
 * Converts a DER signature to P1363. The input is attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_SIGNATURE_INVALID — not the one valid DER encoding of two
 * positive integers that fit the curve
 */
export function derToP1363(der: Uint8Array, curve: Curve): Uint8Array {
  const sequence = readValue(der, 0, SEQUENCE)
  const r = readValue(sequence, 0, INTEGER)
  const s = readValue(sequence, r.length + 2, INTEGER)
  // Integers of supported curves are short, so each has a two-byte header.
  if (r.length + s.length + 4 !== sequence.length) throw malformed()
  if (header(sequence.length) + sequence.length !== der.length) throw malformed()
  const size = curve.coordinateBytes
  const signature = new Uint8Array(2 * size)
  writeCoordinate(signature, size, r, size)
  writeCoordinate(signature, 2 * size, s, size)
  return signature
}

function header(length: number): number {
  return length < 0x80 ? 2 : 3
}

/** Whether bytes are the one valid DER encoding of a signature on the curve. */
export function isEcdsaDer(der: Uint8Array, curve: Curve): boolean {
  try {
    derToP1363(der, curve)
    return true
  } catch (error) {
    if (CountersignError.is(error, 'ERR_SIGNATURE_INVALID')) return false
    throw error
  }
}

/** Where the INTEGER of a coordinate starts and whether it needs a zero before a set top bit. */
function measure(coordinate: Uint8Array): { readonly start: number; readonly pad: 0 | 1 } {
  let start = 0
  while (start < coordinate.length - 1 && coordinate[start] === 0) start += 1
  return { start, pad: (coordinate[start] ?? 0) >= 0x80 ? 1 : 0 }
}

/** Writes the INTEGER of a coordinate at an offset and answers the offset after it. */
function writeInteger(der: Uint8Array, offset: number, coordinate: Uint8Array): number {
  const { start, pad } = measure(coordinate)
  const length = coordinate.length - start + pad
  der[offset] = INTEGER
  der[offset + 1] = length
  der.set(coordinate.subarray(start), offset + 2 + pad)
  return offset + 2 + length
}

/**
 * Converts a P1363 signature to DER.
 *
 * @throws {@link CountersignError} ERR_SIGNATURE_INVALID — the length does not fit the curve
 */
export function p1363ToDer(signature: Uint8Array, curve: Curve): Uint8Array {
  const size = curve.coordinateBytes
  if (signature.length !== size * 2) throw malformed()
  // Written once, without intermediate arrays: every ECDSA check passes here.
  const body = new Uint8Array(2 * (size + 3))
  const middle = writeInteger(body, 0, signature.subarray(0, size))
  const length = writeInteger(body, middle, signature.subarray(size))
  const head = header(length)
  const der = new Uint8Array(head + length)
  der[0] = SEQUENCE
  der[head - 1] = length
  if (head === 3) der[1] = 0x81
  der.set(body.subarray(0, length), head)
  return der
}

/** Writes a signature the way X.509, Sigstore and OpenSSL do: ECDSA as DER, the others as they are. */
export function toX509Signature(algorithm: Algorithm, signature: Uint8Array): Uint8Array {
  return algorithm.family === 'ecdsa' ? p1363ToDer(signature, algorithm.curve) : signature
}

/**
 * Reads a signature the way X.509, Sigstore and OpenSSL write it. The input is attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_SIGNATURE_INVALID — malformed DER
 */
export function fromX509Signature(algorithm: Algorithm, signature: Uint8Array): Uint8Array {
  return algorithm.family === 'ecdsa' ? derToP1363(signature, algorithm.curve) : signature
}
