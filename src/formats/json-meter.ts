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
    let [values, isInString, isEscaped] = [this.#values, this.#isInString, this.#isEscaped]
    // By index: twice as fast as the iterator, before it is optimized.
    let at = 0
    while (at < bytes.length) {
      const byte = bytes[at]
      at += 1
      if (isEscaped) isEscaped = false
      else if (byte === QUOTE) isInString = !isInString
      else if (isInString) isEscaped = byte === BACKSLASH
      else if (byte === COMMA || byte === OPENING_BRACKET || byte === OPENING_BRACE) values += 1
    }
    this.#values = values
    this.#isInString = isInString
    this.#isEscaped = isEscaped
  }
}
