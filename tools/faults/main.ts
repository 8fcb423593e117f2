// `npm run faults [-- --only SECTION] [--fault TEXT] [--record] [--deaths COUNT]`: what callers notice while a backend is at fault.
// It prints tables; --record puts them into docs/faults.md too.
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildCli } from '../../bench/built-cli.ts'
import { describeMachine } from '../../bench/machine.ts'
import { renderMarkdown, type Section } from '../../bench/report.ts'
import { measureHsm } from './hsm.ts'
import { measureKms } from './kms.ts'

const PAGE = resolve(import.meta.dirname, '../../docs/faults.md')

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    fault: { type: 'string' },
    record: { type: 'boolean', default: false },
    deaths: { type: 'string', default: '1000' },
  },
})

/** A backend each. */
const MEASUREMENTS: Readonly<Record<string, () => Promise<Section>>> = {
  hsm: () => measureHsm(Number(values.deaths), values.fault),
  kms: () => measureKms(values.fault),
}

const machine = describeMachine()
buildCli()
const sections: Section[] = []
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (values.only === undefined || values.only === name) sections.push(await measure())
}
const schema = 'https://countersign.dev/schemas/benchmark/v1'
console.log(renderMarkdown({ schema, machine, sections }))
if (values.record) for (const section of sections) recordFigures(section)
const goals = sections.flatMap((section) => section.goals)
if (goals.some(({ isMet }) => !isMet)) process.exitCode = 1

/** Puts the figures of a backend into the page, in place of those of an earlier run. */
function recordFigures(section: Section): void {
  const page = readFileSync(PAGE, 'utf8')
  const { name } = section
  const marks = new RegExp(
    `(<!-- figures of ${name} -->\\n)[\\s\\S]*(<!-- end of figures of ${name} -->)`,
  )
  const markdown = renderMarkdown({ schema, machine, sections: [section] })
  if (!marks.test(page)) throw new Error('docs/faults.md has no place for figures')
  writeFileSync(PAGE, page.replace(marks, `$1\n${markdown}\n\n$2`))
}
