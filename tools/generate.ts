// `npm run generate`: rewrites every generated file; with --check it compares instead, and fails on a difference.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { causesPage } from './generated/causes-page.ts'
import { configurationPage, configurationSchema } from './generated/configuration.ts'
import { dashboard } from './generated/dashboard.ts'
import { errorsPage } from './generated/errors-page.ts'
import { metricsPage } from './generated/metrics-page.ts'
import { httpApiPage } from './generated/http-api.ts'
import type { GeneratedFile } from './generated/generated-file.ts'

const GENERATED: readonly GeneratedFile[] = [
  errorsPage,
  causesPage,
  configurationPage,
  configurationSchema,
  httpApiPage,
  metricsPage,
  dashboard,
]

process.chdir(resolve(import.meta.dirname, '..'))
const check = process.argv.includes('--check')
for (const file of GENERATED) await (check ? compare(file) : write(file))

async function write(file: GeneratedFile): Promise<void> {
  const { current, rendered } = await render(file)
  if (rendered !== current) writeFileSync(file.path, rendered)
  console.log(`${file.path}: ${rendered === current ? 'unchanged' : 'written'}`)
}

async function compare(file: GeneratedFile): Promise<void> {
  const { current, rendered } = await render(file)
  if (rendered === current) return
  console.error(`${file.path} is not what its code makes of it: run npm run generate`)
  process.exitCode = 1
}

async function render(file: GeneratedFile): Promise<{ current: string; rendered: string }> {
  const current = existsSync(file.path) ? readFileSync(file.path, 'utf8') : ''
  const options = { ...(await resolveConfig(file.path)), filepath: file.path }
  return { current, rendered: await format(await file.render(current), options) }
}
