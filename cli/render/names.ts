/** Names of artifacts and files on stdout, one a line, as pipes read them. */
import { printable } from '../../src/formats/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'

/**
 * Renders names one a line. One that holds a line end or another control character could pass for other
 * names, or steer the terminal: it is escaped, and a note says so once.
 */
export function renderNames(names: readonly string[], terminal: Pick<Terminal, 'say'>): string {
  const lines = names.map(printable)
  if (lines.some((line, index) => line !== names[index])) {
    terminal.say(
      'note: control characters of names on stdout are written \\u{…}; --json has the names themselves',
    )
  }
  return lines.map((line) => `${line}\n`).join('')
}
