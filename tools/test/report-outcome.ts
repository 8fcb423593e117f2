import { closingLine } from '../closing-line.ts'
import type { SkippedTest, TestOutcome } from './run-vitest.ts'

/** Prints what a run came to, what was skipped and why, and ends the process with its status. */
export function reportOutcome({ passed, failed, skipped }: TestOutcome): void {
  const lines = summarizeSkips(skipped)
  if (lines.length > 0) console.log(['\nskipped:', ...lines].join('\n'))
  console.log(`\n${closingLine({ passed, failed, skipped: skipped.length })}`)
  if (failed > 0) process.exitCode = 1
}

/** One line for each reason, the commonest first: how many tests, and of which files. */
function summarizeSkips(skipped: readonly SkippedTest[]): readonly string[] {
  const byReason = skipped.toSorted((a, b) => (a.reason < b.reason ? -1 : 1))
  const groups = [...Map.groupBy(byReason, ({ reason }) => reason)]
  const width = String(skipped.length).length
  return groups
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([reason, tests]) => {
      const [first = '', ...others] = [...new Set(tests.map(({ file }) => file))].toSorted()
      const more = others.length === 0 ? '' : ` and ${others.length} more`
      return `  ${String(tests.length).padStart(width)}  ${reason} (${first}${more})`
    })
}
