/**
 * Lines on a terminal that is narrower than they are. A terminal breaks them anywhere, also within a kid or
 * a digest; here they are broken between words, so that each can be read, and copied, whole.
 *
 * @packageDocumentation
 */
import { stripVTControlCharacters } from 'node:util'
import type { TextSink } from '../context.ts'

/** Below it nothing is broken: a terminal that says so does not mean it. */
const LEAST_COLUMNS = 20
const PROGRAMS =
  'countersign apt-get aws bao chmod curl docker file gcloud getent ip ldd mkdir namei nm openssl p11-kit pkcs11-tool softhsm2-util timedatectl'
/** A command or a policy statement that a hint or a row ends with is copied as one line, so it stays one word. */
const PASTED = new RegExp(
  `(?<=: )(?:(?:${PROGRAMS.replaceAll(' ', '|')}) .*|(?:path ".*" \\{|\\{").*\\})$|(?<= {2})countersign .*$`,
)
/** Blanks, and the branches of a tree. */
const LEAD = /^[ │├└─]*/
/** A label and the blanks before its value: what follows stays in the column of the value. */
const LABEL = /^ *(?:[^ │├└]+ )+ +(?=[^ ])/

/** What a hint ends with for a person to paste; empty where none exists. */
export function pastedEnd(hint: string): string {
  return PASTED.exec(hint)?.[0] ?? ''
}

/** Breaks text for a terminal; for anything else it stays as it is. */
export function wrapFor({ isTTY, columns = 0 }: TextSink, text: string): string {
  return isTTY === true && columns >= LEAST_COLUMNS ? wrapText(text, columns) : text
}

/** Breaks each line between words; a word that is longer than a line has one of its own. */
export function wrapText(text: string, columns: number): string {
  const lines = text.split('\n')
  return lines.flatMap((line) => (fits(line, columns) ? line : wrapLine(line, columns))).join('\n')
}

function wrapLine(line: string, columns: number): readonly string[] {
  const lead = LEAD.exec(line)?.[0] ?? ''
  const hangings = hangingsOf(line, lead)
  const lines: string[] = []
  let current = ''
  for (const [gap, word] of splitWords(line.slice(lead.length))) {
    const isFirst = current === ''
    if (!isFirst && fits(`${current}${gap}${word}`, columns)) {
      current += `${gap}${word}`
      continue
    }
    if (!isFirst) lines.push(current)
    const indented = (isFirst ? [lead] : hangings).map((indent) => `${indent}${word}`)
    current = indented.find((text) => fits(text, columns)) ?? word
  }
  return [...lines, current]
}

/** What the lines after the first begin with: the column of a value, else a little more than the first. */
function hangingsOf(line: string, lead: string): readonly string[] {
  const label = LABEL.exec(line)?.[0]
  const hanging = `${lead.replace('├──', '│  ').replace('└──', '   ')}  `
  return label === undefined ? [hanging] : [' '.repeat(widthOf(label)), hanging]
}

/** Words, each with the blanks before it. */
function splitWords(text: string): readonly (readonly [gap: string, word: string])[] {
  const command = pastedEnd(text)
  const head = text.slice(0, text.length - command.length)
  const words = [...head.matchAll(/( *)([^ ]+)/g)].map(
    ([, gap = '', word = '']) => [gap, word] as const,
  )
  return command === '' ? words : [...words, [' ', command]]
}

function fits(line: string, columns: number): boolean {
  return widthOf(line) <= columns
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length
}
