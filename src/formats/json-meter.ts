const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPENING_BRACKET = 0x5b
const OPENING_BRACE = 0x7b

/**
 * Counts the values of a JSON text while its bytes arrive, before any of it is parsed: `[{},{},…]` takes 3 bytes
 * a value and 20 times as much memory once it is parsed. The count is never below the values that a parser
 * makes of the text, and above it only by the empty arrays and objects.
 */
export class JsonMeter {
  #values = 1
  #isInString = false
  #isEscaped = false

  /** At most so many values are in what arrived. */
  get values(): number {
    return this.#values
  }

  /** Takes the next bytes of the text. */
  add(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      at = this.#isInString ? this.#leaveString(bytes, at) : this.#enterString(bytes, at)
    }
  }

  /** Counts up to the next string; answers where it begins. */
  #enterString(bytes: Uint8Array, from: number): number {
    let values = 0
    let at = from
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at]
      if (byte === QUOTE) break
      if (byte === COMMA || byte === OPENING_BRACKET || byte === OPENING_BRACE) values += 1
    }
    this.#values += values
    this.#isInString = at < bytes.length
    return at + 1
  }

  /** Answers where the text goes on behind the string. */
  #leaveString(bytes: Uint8Array, from: number): number {
    let isEscaped = this.#isEscaped
    let at = from
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at]
      if (isEscaped) isEscaped = false
      else if (byte === BACKSLASH) isEscaped = true
      else if (byte === QUOTE) break
    }
    this.#isEscaped = isEscaped
    this.#isInString = at >= bytes.length
    return at + 1
  }
}
