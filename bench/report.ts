/** One line of a table: what was measured, by the column's title, unit included. */
export type Row = Readonly<Record<string, string | number>>

/** What must hold, and what was found. */
export interface Goal {
  readonly what: string
  readonly goal: string
  readonly found: string
  readonly isMet: boolean
}

/** One table of the report. */
export interface Section {
  readonly name: string
  readonly title: string
  readonly rows: readonly Row[]
  readonly goals: readonly Goal[]
}

/** The whole report. */
export interface Report {
  readonly schema: 'https://countersign.dev/schemas/benchmark/v1'
  readonly machine: Row
  readonly sections: readonly Section[]
}

/** Makes a goal of at least or at most a number. */
export function createGoal(
  what: string,
  found: number,
  bound: { readonly atLeast: number } | { readonly atMost: number },
): Goal {
  const [isMet, words] =
    'atLeast' in bound
      ? [found >= bound.atLeast, `at least ${formatCell(bound.atLeast)}`]
      : [found <= bound.atMost, `at most ${formatCell(bound.atMost)}`]
  return { what, goal: words, found: formatCell(found), isMet }
}

/** Renders the report as Markdown, which reads well on a terminal too. */
export function renderMarkdown({ machine, sections }: Report): string {
  const facts = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`)
  const tables = sections.map(({ title, rows }) => `### ${title}\n\n${renderTable(rows)}`)
  const goals = sections.flatMap((section) => section.goals).map(toGoalRow)
  return [facts.join('\n'), ...tables, `### Goals\n\n${renderTable(goals)}`].join('\n\n')
}

function toGoalRow({ what, goal, found, isMet }: Goal): Row {
  return { what, goal, found, met: isMet ? 'yes' : 'no' }
}

function renderTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {})
  const cells = rows.map((row) => columns.map((column) => formatCell(row[column] ?? '')))
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...cells.map((line) => line[index]?.length ?? 0)),
  )
  const isNumeric = columns.map((column) => rows.every((row) => typeof row[column] === 'number'))
  const align = (text: string, index: number): string => {
    const width = widths[index] ?? 0
    return isNumeric[index] === true ? text.padStart(width) : text.padEnd(width)
  }
  const line = (texts: readonly string[]): string => `| ${texts.map(align).join(' | ')} |`
  const rule = widths.map((width, index) =>
    isNumeric[index] === true ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  )
  return [line(columns), line(rule), ...cells.map(line)].join('\n')
}

function formatCell(value: string | number): string {
  if (typeof value === 'string') return value
  if (Number.isInteger(value)) return String(value)
  return Math.abs(value) >= 100 ? String(Math.round(value)) : value.toPrecision(3)
}
