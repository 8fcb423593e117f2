/** The verdict on a token, as text. */
import type { TokenDocument } from '../../src/verification/token-result.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { printable } from '../../src/formats/printable.ts'
import { renderCheck } from './verify.ts'

/** Renders the verdict: of a good token whose it is and until when, of a bad one what failed. */
export function renderTokenVerdict(
  { key, claims, expires, checks, error }: TokenDocument,
  terminal: Pick<Terminal, 'style' | 'verbose'>,
): string {
  if (error === undefined) {
    const subject = claims?.['sub']
    const who = typeof subject === 'string' ? ` of ${printable(subject)}` : ''
    const by = `signed by kid ${printable(key?.kid ?? '')} (${key?.algorithm ?? ''})`
    const head = `${terminal.style('good', 'PASSED')} token${who}: ${by}, until ${expires ?? ''}`
    return [head, ...(terminal.verbose ? checks.flatMap(renderCheck) : [])].join('\n')
  }
  const code = terminal.style('dim', `[${error.code}]`)
  const shown = terminal.verbose ? checks : checks.filter(({ ok }) => !ok)
  return [
    `${terminal.style('bad', 'FAILED')} token: ${printable(error.message)} ${code}`,
    ...shown.flatMap(renderCheck),
    ...(error.hint === undefined ? [] : [`  hint: ${printable(error.hint)}`]),
  ].join('\n')
}
