/**
 * The layout of everything that is printed for people, made for 80 columns: a block for each thing, with its
 * verdict first and rows of a label and a value below; and tables.
 *
 * @packageDocumentation
 */
import { printable } from '../../src/formats/printable.ts'
import type { Style, Terminal } from '../terminal/terminal.ts'

/** Colours and how much is shown; of stderr, or of stdout. */
export type Painter = Pick<Terminal, 'style' | 'verbose'>

/** A label and its value. A value without a label has the line to itself, as a digest needs. */
export type Row = readonly [label: string, value: string]

/** The word that a block begins with, and its colour. */
export interface Mark {
  readonly word: string
  readonly style: Style
}

/** Of what is as expected. */
export const PASSED: Mark = { word: 'PASSED', style: 'good' }
/** Of what is not. */
export const FAILED: Mark = { word: 'FAILED', style: 'bad' }

/** The label of a row that goes on with the one above. */
export const CONTINUED = ' '

const COLUMNS = 80
/** A label that is longer, such as a URI, does not push the values of the others aside. */
const MAX_LABEL = 18
const KID_CHARACTERS = 12

/** Renders a block: the verdict and what it is about, then its rows. */
export function renderBlock(
  { word, style }: Mark,
  name: string,
  rows: readonly Row[],
  painter: Painter,
): string {
  const head = `${painter.style(style, word)}  ${printable(name)}`
  return [head, ...renderRows(rows, painter)].join('\n')
}

/** Renders rows, their values in one column; a value that does not fit there is on the next line. */
export function renderRows(
  rows: readonly Row[],
  { style }: Pick<Painter, 'style'>,
  indent = 2,
): readonly string[] {
  const labels = rows.map(([label]) => label.length).filter((length) => length <= MAX_LABEL)
  const width = Math.max(0, ...labels)
  const lead = ' '.repeat(indent)
  return rows.flatMap(([label, text]) => {
    const value = printable(text)
    if (label === '') return `${lead}${value}`
    const shown = label === CONTINUED ? label : style('dim', printable(label))
    const column = indent + Math.max(width, label.length) + 2
    const isTooLong = !value.includes(' ') && column + value.length > COLUMNS
    if (isTooLong || label.length > MAX_LABEL) return [`${lead}${shown}`, `${lead}  ${value}`]
    return `${lead}${shown}${' '.repeat(column - indent - label.length)}${value}`
  })
}

/** Renders rows of cells in aligned columns, two blanks apart. */
export function renderTable(rows: readonly (readonly string[])[], indent = 0): readonly string[] {
  const cells = rows.map((row) => row.map(printable))
  const widths = cells.reduce<readonly number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  )
  return cells.map((row) => {
    const padded = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    return `${' '.repeat(indent)}${padded.join('  ')}`.trimEnd()
  })
}

/** How many mistakes a file or a folder has, as the name of a block. */
export function countMistakes(count: number): string {
  return count === 1 ? '1 mistake' : `${count} mistakes`
}

/** Lines of a report on stdout. */
export function toReport(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

/** The start of a kid, or of another thumbprint in base64: enough to tell keys apart, not to trust one. */
export function shortKid(kid: string, { verbose }: Pick<Painter, 'verbose'>): string {
  return verbose || kid.length <= KID_CHARACTERS ? kid : `${kid.slice(0, KID_CHARACTERS)}…`
}

/** The name and the id of a verifier key, without the key itself. */
export function shortVkey(vkey: string, { verbose }: Pick<Painter, 'verbose'>): string {
  const [start = vkey] = verbose ? [] : (/^[^+]+\+[0-9a-f]{8}(?=\+)/.exec(vkey) ?? [])
  return start === vkey ? vkey : `${start}…`
}

/** Shortens the kids that a sentence names; one beside a name and version says nothing new. */
export function shortenKids(text: string, painter: Pick<Painter, 'verbose'>): string {
  if (painter.verbose) return text
  return text
    .replace(/(?<=@\d+) \(kid [\w-]{43}\)/g, '')
    .replace(/(?<=\bkids? )[\w-]{43}(?![\w-])/g, (kid) => shortKid(kid, painter))
}

/** A key as people call it: `release@3`, or the start of its kid. */
export function labelKey(
  {
    name,
    version,
    kid = 'unknown',
  }: { readonly name?: string; readonly version?: number; readonly kid?: string },
  painter: Pick<Painter, 'verbose'>,
): string {
  if (name === undefined) return `kid ${shortKid(kid, painter)}`
  const label = version === undefined ? name : `${name}@${version}`
  return painter.verbose && kid !== 'unknown' ? `${label}, kid ${kid}` : label
}
