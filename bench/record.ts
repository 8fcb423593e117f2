import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

const PAGE = resolve(import.meta.dirname, '../docs/performance.md')

/** Puts figures into docs/performance.md, in place of those of an earlier run. */
export function recordFigures(markdown: string): void {
  const page = readFileSync(PAGE, 'utf8')
  const marks = /(<!-- figures -->\n)[\s\S]*(<!-- end of figures -->)/
  if (!marks.test(page)) throw new Error('docs/performance.md has no place for figures')
  writeFileSync(PAGE, page.replace(marks, `$1\n${markdown}\n\n$2`))
}
