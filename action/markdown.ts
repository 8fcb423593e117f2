/** Markdown of texts that others wrote: file names, error messages, names of images. */
import { printable } from '../src/formats/printable.ts'

/** A text as itself: no link, no markup, no tag, on one line. */
export function escapeMarkdown(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*_{}[\]()#+!|~@-]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** A text in the type of code; HTML, since backticks can't hold every text. */
export function code(text: string): string {
  return `<code>${escapeMarkdown(text)}</code>`
}

/** A table; its cells are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Lines to be pasted into a shell. */
export function shellBlock(lines: readonly string[]): string {
  return ['```sh', ...lines.map(printable), '```'].join('\n')
}
