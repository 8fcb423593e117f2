import { ERROR_TRAITS } from '../../src/errors.ts'
import type { GeneratedFile } from './generated-file.ts'

/** The hand-written text about a code: its meaning, and who fixes it. */
type Prose = readonly string[]

/** docs/errors.md: prose by people; code, exit status, HTTP status and retry by the table of codes. */
export const errorsPage: GeneratedFile = { path: 'docs/errors.md', render: renderErrorsPage }

/** Rewrites the rows of the codes' table, in the table's order, keeping the prose of each. */
export function renderErrorsPage(current: string): string {
  const lines = current.split('\n')
  const isRow = (line: string): boolean => line.startsWith('| `ERR_')
  const first = lines.findIndex(isRow)
  const prose = new Map(lines.filter(isRow).map(parseRow))
  const rows = Object.entries(ERROR_TRAITS).map(([code, { exit, http, retryable }]) => {
    const cells = [`\`${code}\``, exit, http, retryable ? 'yes' : 'no', ...proseOf(code, prose)]
    return `| ${cells.join(' | ')} |`
  })
  return lines.toSpliced(first, prose.size, ...rows).join('\n')
}

function parseRow(line: string): [code: string, prose: Prose] {
  const [code = '', , , , ...prose] = line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
  return [code.replaceAll('`', ''), prose]
}

function proseOf(code: string, prose: ReadonlyMap<string, Prose>): Prose {
  const found = prose.get(code)
  if (found?.length === 2) return found
  throw new Error(
    `docs/errors.md says nothing of ${code}: write a row with its meaning and its mender`,
  )
}
