/**
 * A reader of DER (ITU-T X.690), for as much of it as keys, certificates and time stamps are made of.
 *
 * @packageDocumentation
 */

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

/**
 * Reads elements one after the other and takes only their one valid DER encoding. What it reads is
 * attacker-controlled; whatever is wrong becomes the one error of its format.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  readonly #malformed: () => Error
  #at = 0

  constructor(bytes: Uint8Array, malformed: () => Error) {
    this.#bytes = bytes
    this.#malformed = malformed
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
    return new DerReader(this.read(tag), this.#malformed)
  }

  /** Bytes of an INTEGER, which must be in its shortest form. */
  readInteger(): Uint8Array {
    const bytes = this.read(TAG.integer)
    const [first, second = 0] = bytes
    if (first === undefined) throw this.#malformed()
    const isPadded = (first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)
    if (bytes.length > 1 && isPadded) throw this.#malformed()
    return bytes
  }

  /** A BOOLEAN DEFAULT FALSE: where it is written, it must be TRUE. */
  readFlag(): boolean {
    const bytes = this.readOptional(TAG.boolean)
    if (bytes === undefined) return false
    if (bytes.length === 1 && bytes[0] === 0xff) return true
    throw this.#malformed()
  }

  /** Makes sure that nothing is left. */
  assertEnd(): void {
    if (this.nextTag !== undefined) throw this.#malformed()
  }

  /** Where the contents of the next element start and end. */
  #measure(tag: number): { readonly start: number; readonly end: number } {
    if (this.nextTag !== tag) throw this.#malformed()
    const first = this.#bytes[this.#at + 1] ?? 0xff
    const lengthBytes = first < 0x80 ? 0 : first - 0x80
    const start = this.#at + 2 + lengthBytes
    // Indefinite lengths, and lengths that no message we read can have.
    if (first === 0x80 || lengthBytes > 3) throw this.#malformed()
    let length = first
    if (lengthBytes > 0) {
      const digits = this.#bytes.subarray(this.#at + 2, start)
      length = digits.reduce((sum, digit) => sum * 256 + digit, 0)
      if (digits[0] === 0 || length < 0x80) throw this.#malformed()
    }
    const end = start + length
    if (end > this.#bytes.length) throw this.#malformed()
    return { start, end }
  }
}
