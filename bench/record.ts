import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

const PAGE = resolve(import.meta.dirname, '../docs/performance.md')

/** Puts figures into docs/performance.md: of a whole run in place of all others, of a part in place of the same tables. */
export function recordFigures(markdown: string, isWhole: boolean): void {
  const page = readFileSync(PAGE, 'utf8')
  const [, before, old = '', after] =
    /^([\s\S]*<!-- figures -->\n)([\s\S]*)(<!-- end of figures -->[\s\S]*)$/.exec(page) ?? []
  if (before === undefined || after === undefined)
    throw new Error('docs/performance.md has no place for figures')
  const figures = isWhole ? markdown : mergeFigures(old, markdown)
  writeFileSync(PAGE, `${before}\n${figures}\n\n${after}`)
}

/** Tables by their titles, in the order of the page; rows of goals by what they are about. */
function mergeFigures(old: string, found: string): string {
  const tables = splitTables(old)
  const goals = [...rowsOf(tables.get(GOALS)), ...rowsOf(splitTables(found).get(GOALS))]
  tables.delete(GOALS)
  // What the machine was at the time of the whole run stays.
  for (const [title, table] of splitTables(found)) if (title !== '') tables.set(title, table)
  const newest = new Map(goals.map((row) => [row.split(' | ', 1)[0]?.trim(), row]))
  const [, head = '', rule = ''] = tables.get(GOALS)?.split(/\n+/) ?? []
  tables.set(GOALS, `### ${GOALS}\n\n${[head, rule, ...newest.values()].join('\n')}`)
  return [...tables.values()].join('\n\n')
}

const GOALS = 'Goals'

function splitTables(markdown: string): Map<string, string> {
  const blocks = markdown.trim().split(/\n+(?=### )/)
  return new Map(blocks.map((block) => [/^### (.*)/.exec(block)?.[1] ?? '', block]))
}

/** Without the two lines of its head. */
function rowsOf(table: string | undefined): readonly string[] {
  return table?.match(/^\|.*$/gm)?.slice(2) ?? []
}
