/** What doctor found, as text and as JSON. */
import type { Outcome } from '../context.ts'
import { schema } from '../render/json.ts'
import type { CommandEnvironment } from '../command.ts'
import {
  FAILED,
  PASSED,
  type Painter,
  renderBlock,
  renderRows,
  renderTable,
  type Row,
  shortenKids,
  toReport,
} from '../render/layout.ts'
import type { Style } from '../terminal/terminal.ts'
import { exitOf, type Finding } from './finding.ts'

const MARKS = {
  pass: ['✓', 'good'],
  fail: ['✗', 'bad'],
  unknown: ['?', 'dim'],
} as const satisfies Record<Finding['status'], readonly [string, Style]>

/** Makes the outcome of all findings. */
export function toOutcome(findings: readonly Finding[], { terminal }: CommandEnvironment): Outcome {
  const exitCode = exitOf(findings)
  return {
    exitCode,
    document: { schema: schema('doctor'), ok: exitCode === 0, exitCode, checks: findings },
    report: toReport([
      summarize(findings, terminal.report),
      ...renderAll(findings, terminal.report),
    ]),
  }
}

function summarize(findings: readonly Finding[], painter: Painter): string {
  const count = (status: Finding['status']): number =>
    findings.filter((one) => one.status === status).length
  const failed = count('fail')
  const unknown = count('unknown') === 0 ? '' : `, ${count('unknown')} could not be checked`
  const word = failed === 0 ? PASSED : FAILED
  const counts = failed === 0 ? `${count('pass')} checks` : `${failed} of ${findings.length} checks`
  return renderBlock(word, `${counts}${unknown}`, [], painter)
}

function renderAll(findings: readonly Finding[], painter: Painter): readonly string[] {
  const lines = renderTable(
    findings.map(({ subject, check, found, code }) => [
      `${subject} ${check}`,
      shortenKids(code === undefined ? found : `${found} [${code}]`, painter),
    ]),
  )
  return findings.flatMap((finding, index) => {
    const [mark, colour] = MARKS[finding.status]
    const line = `${painter.style(colour, mark)} ${lines[index] ?? ''}`
    return [line, ...renderRows(describeRemedy(finding), painter)]
  })
}

function describeRemedy({ layer, cause = '', hint }: Finding): readonly Row[] {
  return [
    ...(layer === undefined ? [] : [['cause', `${layer} (${cause})`] as const]),
    ...(hint === undefined ? [] : [['hint', hint] as const]),
  ]
}
