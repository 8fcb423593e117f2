/**
 * DER (ITU-T X.690): as much of it as time stamps and their certificates are made of. Written by hand
 * because a time stamp stands in the way of every signature: with the ASN.1 schemas of PKI.js one took
 * 5 ms to write and read back, with this it takes less than the signature inside it.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'

/** Tags of the types used here; `context` ones are added by number. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** Tag of a constructed, context-specific element. */
export function contextTag(number: number): number {
  return 0xa0 + number
}

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

/**
 * Reads elements one after the other and takes only their one valid DER encoding. What it reads is
 * attacker-controlled; whatever is wrong becomes {@link malformedDer}.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Tag of the next element; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at]
  }

  /** Contents of the next element, which must have this tag. */
  read(tag: number): Uint8Array {
    const { start, end } = this.#measure(tag)
    this.#at = end
    return this.#bytes.subarray(start, end)
  }

  /** The next element as it stands, header included. */
  readElement(tag: number): Uint8Array {
    const from = this.#at
    const { end } = this.#measure(tag)
    this.#at = end
    return this.#bytes.subarray(from, end)
  }

  /** Contents of the next element where it has this tag; undefined where another one is next. */
  readOptional(tag: number): Uint8Array | undefined {
    return this.nextTag === tag ? this.read(tag) : undefined
  }

  /** A reader of the next element's own elements. */
  enter(tag: number = TAG.sequence): DerReader {
    return new DerReader(this.read(tag))
  }

  /** Bytes of an INTEGER, which must be in its shortest form. */
  readInteger(): Uint8Array {
    const bytes = this.read(TAG.integer)
    const [first, second = 0] = bytes
    if (first === undefined) throw malformedDer()
    const isPadded = (first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)
    if (bytes.length > 1 && isPadded) throw malformedDer()
    return bytes
  }

  /** A BOOLEAN DEFAULT FALSE: where it is written, it must be TRUE. */
  readFlag(): boolean {
    const bytes = this.readOptional(TAG.boolean)
    if (bytes === undefined) return false
    if (bytes.length === 1 && bytes[0] === 0xff) return true
    throw malformedDer()
  }

  /** Makes sure that nothing is left. */
  assertEnd(): void {
    if (this.nextTag !== undefined) throw malformedDer()
  }

  /** Where the contents of the next element start and end. */
  #measure(tag: number): { readonly start: number; readonly end: number } {
    if (this.nextTag !== tag) throw malformedDer()
    const first = this.#bytes[this.#at + 1] ?? 0xff
    const lengthBytes = first < 0x80 ? 0 : first - 0x80
    const start = this.#at + 2 + lengthBytes
    // Indefinite lengths, and lengths that no message we read can have.
    if (first === 0x80 || lengthBytes > 3) throw malformedDer()
    let length = first
    if (lengthBytes > 0) {
      const digits = this.#bytes.subarray(this.#at + 2, start)
      length = digits.reduce((sum, digit) => sum * 256 + digit, 0)
      if (digits[0] === 0 || length < 0x80) throw malformedDer()
    }
    const end = start + length
    if (end > this.#bytes.length) throw malformedDer()
    return { start, end }
  }
}
