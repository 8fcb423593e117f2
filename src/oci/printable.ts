/** Text of others in our messages. */

/** A text of a server or program, fit for one line of a message: no control characters, bounded. */
export function printable(text: string, maxLength = 200): string {
  const line = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line
}
