/** What doctor found, as text and as JSON. */
import type { Outcome } from '../context.ts'
import { schema } from '../render/json.ts'
import { printable } from '../../src/formats/printable.ts'
import { exitOf, type Finding } from './finding.ts'

const MARKS: Readonly<Record<Finding['status'], string>> = { pass: '✓', fail: '✗', unknown: '?' }

/** Makes the outcome of all findings. */
export function toOutcome(findings: readonly Finding[]): Outcome {
  const exitCode = exitOf(findings)
  return {
    exitCode,
    document: { schema: schema('doctor'), ok: exitCode === 0, exitCode, checks: findings },
    report: findings.map(renderFinding).join(''),
  }
}

function renderFinding(finding: Finding): string {
  const { subject, check, status, found, code, layer, cause, hint } = finding
  const suffix = code === undefined ? '' : ` [${code}]`
  return [
    `${MARKS[status]} ${subject} ${check}: ${printable(found)}${suffix}\n`,
    layer === undefined ? '' : `  cause: ${printable(layer)} (${printable(cause ?? '')})\n`,
    hint === undefined ? '' : `  hint: ${printable(hint)}\n`,
  ].join('')
}
