/**
 * Text for people. Errors say what happened, then what to do next, then their code.
 *
 * @packageDocumentation
 */
import type { CountersignError } from '../../src/errors.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { printable } from '../../src/formats/printable.ts'

/** Renders an error: message, hint, code; its causes with -v. */
export function renderError(error: CountersignError, terminal: Terminal): string {
  const lines = [
    `${terminal.style('bad', 'error:')} ${printable(error.message)} ${terminal.style('dim', `[${error.code}]`)}`,
  ]
  if (error.hint !== undefined)
    lines.push(`${terminal.style('bold', 'hint:')}  ${printable(error.hint)}`)
  if (terminal.verbose) lines.push(...causes(error))
  return lines.join('\n')
}

function causes(error: Error): readonly string[] {
  const { cause } = error
  if (!(cause instanceof Error)) return []
  return [`cause: ${cause.name}: ${printable(cause.message)}`, ...causes(cause)]
}
