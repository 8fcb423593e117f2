/** Showing text that others wrote, so that it steers neither a terminal nor a log. */

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/**
 * Writes text that may be hostile on one line: control and format characters (escape sequences, line
 * ends, right-to-left marks) become visible escapes.
 */
export function printable(text: string): string {
  return text.replace(UNSEEN, escapeCharacter)
}

/** A text of a server or program, fit for one line of a message: no control characters, one space for blanks, bounded. */
export function printableExcerpt(text: string, maxLength = 200): string {
  const line = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line
}

/** Writes text of several lines that may be hostile; as {@link printable}, but line feeds stay. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** Writes JSON so that it says the same and holds no character that steers a terminal. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2)
  return text.replace(UNSEEN, (character) => (character === '\n' ? character : toUnits(character)))
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}

/** JSON escapes UTF-16 code units: two for what is beyond the first plane. */
function toUnits(character: string): string {
  const units = character.split('').map((unit) => unit.charCodeAt(0))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
