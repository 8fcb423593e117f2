/** The text of one member of a JSON object, as it was written: a parser does not keep the digits of numbers. */

const SPACE = 0x20
/** Brackets and braces come after the capitals. */
const LETTERS = 0x5a
const QUOTE = 0x22
const OPENING_BRACE = 0x7b
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
/** The bit in which brackets and braces, which never stand beside each other, are the same. */
const BRACE = 0x20
const CLOSING_BRACE = 0x7d

/**
 * Finds a member of the outermost object.
 *
 * @param json - that the strict parser has accepted, so that no member is named twice
 * @param name - which the text may have written with escapes
 * @returns its value, without the blank space around it; undefined if absent
 */
export function rawMember(json: Uint8Array, name: string): string | undefined {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength)
  if (!isObject(bytes)) return undefined
  // Names and values follow each other, so the first quote opens a name.
  for (let quote = bytes.indexOf(QUOTE); quote !== -1;) {
    const nameEnd = stringEnd(bytes, quote)
    const start = bytes.indexOf(COLON, nameEnd) + 1
    const end = valueEnd(bytes, start)
    if (isNamed(bytes.subarray(quote, nameEnd), name)) {
      return bytes.toString('utf8', start, end).trim()
    }
    quote = bytes[end] === COMMA ? bytes.indexOf(QUOTE, end) : -1
  }
  return undefined
}

function isObject(bytes: Uint8Array): boolean {
  return bytes.find((byte) => byte > SPACE) === OPENING_BRACE
}

/** Index of the comma or brace behind the value that begins at `start`. */
function valueEnd(bytes: Uint8Array, start: number): number {
  let depth = 0
  for (let at = start; at < bytes.length; at += 1) {
    const code = bytes[at]
    if (code === QUOTE) at = stringEnd(bytes, at) - 1
    else if (code === COMMA && depth === 0) return at
    else if (code !== undefined && code > LETTERS) {
      if ((code | BRACE) === OPENING_BRACE) depth += 1
      if ((code | BRACE) === CLOSING_BRACE) depth -= 1
      if (depth < 0) return at
    }
  }
  return bytes.length
}

/** Most names have another length, and are not worth parsing. */
function isNamed(quoted: Buffer, name: string): boolean {
  const isPlain = !quoted.includes(BACKSLASH)
  if (isPlain && quoted.length !== Buffer.byteLength(name) + 2) return false
  return JSON.parse(quoted.toString('utf8')) === name
}

/** Index after the closing quote of the string that opens at `start`. */
function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at + 1
}
