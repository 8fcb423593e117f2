// `npm run bench [-- --json] [--quick] [--only SECTION] [--pin SERVER:CLIENT]`: what countersign costs, beside what it stands on.
import { parseArgs } from 'node:util'
import { measureAction } from './action.ts'
import { buildCli } from './built-cli.ts'
import { describeMachine } from './machine.ts'
import { recordFigures } from './record.ts'
import { renderMarkdown, type Report, type Section } from './report.ts'
import { measureLargeFile } from './large-file.ts'
import { measureParsers } from './parsers.ts'
import { countRequests } from './requests.ts'
import { measureStartUp } from './start-up.ts'
import { parsePin } from './service/cores.ts'
import { serviceMeasurements } from './service/sections.ts'
import { measureSigning } from './signing.ts'
import { measureVerification } from './verification.ts'
import type { Pace } from './rates.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    pin: { type: 'string' },
    record: { type: 'boolean', default: false },
  },
})

const pace: Pace = values.quick ? { rounds: 5, turnMs: 20 } : { rounds: 25, turnMs: 40 }

const cores = values.pin === undefined ? undefined : parsePin(values.pin)

const MEASUREMENTS: Readonly<Record<string, () => Section | Promise<Section>>> = {
  signing: () => measureSigning(pace),
  verification: () => measureVerification(pace),
  parsers: () => measureParsers(values.quick ? 2 : 5),
  requests: countRequests,
  action: () => measureAction(values.quick ? 3 : 15),
  'start-up': () => measureStartUp(values.quick ? 5 : 25),
  'large-file': () => measureLargeFile(values.quick ? 256 : 2048, values.quick ? 1 : 3),
  ...serviceMeasurements(values.quick, cores),
}

if (values.only !== undefined && !(values.only in MEASUREMENTS)) {
  const names = Object.keys(MEASUREMENTS).join(', ')
  throw new Error(`--only: expected one of ${names}, got ${values.only}`)
}
const machine = describeMachine()
buildCli()
const sections: Section[] = []
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (values.only !== undefined && values.only !== name) continue
  console.error(`measuring ${name}`)
  sections.push(await measure())
}

const schema = 'https://countersign.dev/schemas/benchmark/v1'
const report: Report = { schema, machine, sections }
console.log(values.json ? JSON.stringify(report, null, 2) : renderMarkdown(report))
if (values.record) recordFigures(renderMarkdown(report), values.only === undefined)
