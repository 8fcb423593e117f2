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

/** Checks an INTEGER's contents (positive, minimal) and left-pads it to the coordinate size. */
function toCoordinate(contents: Uint8Array, size: number): Uint8Array {
  const [first, second] = contents
  if (first === undefined || first >= 0x80) throw malformed()
  if (first === 0 && (second === undefined || second < 0x80)) throw malformed()
  const digits = first === 0 ? contents.subarray(1) : contents
  if (digits.length > size) throw malformed()
  const padded = new Uint8Array(size)
  padded.set(digits, size - digits.length)
  return padded
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
  return Buffer.concat([toCoordinate(r, size), toCoordinate(s, size)])
}

function header(length: number): number {
  return length < 0x80 ? 2 : 3
}

function toInteger(coordinate: Uint8Array): Uint8Array {
  const start = coordinate.findIndex((byte) => byte !== 0)
  const digits = start === -1 ? Uint8Array.of(0) : coordinate.subarray(start)
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : []
  return Uint8Array.of(INTEGER, digits.length + sign.length, ...sign, ...digits)
}

/**
 * Converts a P1363 signature to DER.
 *
 * @throws {@link CountersignError} ERR_SIGNATURE_INVALID — the length does not fit the curve
 */
export function p1363ToDer(signature: Uint8Array, curve: Curve): Uint8Array {
  const size = curve.coordinateBytes
  if (signature.length !== size * 2) throw malformed()
  const body = Buffer.concat([
    toInteger(signature.subarray(0, size)),
    toInteger(signature.subarray(size)),
  ])
  const length = body.length < 0x80 ? [body.length] : [0x81, body.length]
  return Buffer.concat([Uint8Array.of(SEQUENCE, ...length), body])
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
