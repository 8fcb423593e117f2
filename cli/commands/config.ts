/** `countersign config check|show`. */
import { Command } from '@commander-js/extra-typings'
import {
  type ConfigSources,
  inspectConfig,
  type Inspection,
  readConfig,
} from '../../src/config/load.ts'
import { describeOrigin } from '../../src/config/origin.ts'
import { describeProblem, invalidConfig, type ConfigProblem } from '../../src/config/problem.ts'
import type { CountersignError } from '../../src/errors.ts'
import { configOption } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { withTypedHint } from '../render/hints.ts'
import { printable } from '../../src/formats/printable.ts'
import { schema } from '../render/json.ts'
import { countMistakes, FAILED, PASSED, renderBlock, type Row, toReport } from '../render/layout.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { CommandEnvironment } from '../command.ts'

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): Command {
  const { action, context, terminal } = environment
  const command = new Command('config').description('Check and show the configuration.')
  command
    .command('check')
    .summary('say everything that is wrong with the configuration')
    .description(
      'Checks the file, the variables that override it, and what serve would refuse of the files it names. Prints every mistake with its line.',
    )
    .argument('[file]', 'file to check (default: the one that would be used)')
    .action(action(async (file) => check({ file, env: context.env }, terminal)))
  command
    .command('show')
    .summary('print every setting and where it came from')
    .description(
      'Prints every setting that holds, and whether it came from a variable, the file or is a default.',
    )
    .addOption(configOption())
    .action(
      action(async ({ config }) => show(await inspectConfig({ file: config, env: context.env }))),
    )
  return command
}

async function check(sources: ConfigSources, { report }: Terminal): Promise<Outcome> {
  const { file, problems } = await inspectConfig(sources)
  const document = { schema: schema('config-check'), file: file ?? null, problems }
  if (problems.length > 0) {
    const verdict = renderBlock(FAILED, countMistakes(problems.length), [], report)
    return {
      exitCode: 2,
      document: { ...document, ok: false, exitCode: 2 },
      report: toReport([verdict, ...problems.map(problemText)]),
    }
  }
  if (file === undefined) {
    const verdict = renderBlock(PASSED, 'no configuration file; using defaults', [], report)
    const passed = { ...document, ok: true, exitCode: 0 }
    return { exitCode: 0, document: passed, report: toReport([verdict]) }
  }
  const { checkService, UNCHECKED } = await import('../service/check.ts')
  const { refusals: thrown, warnings } = await checkService(await readConfig(sources))
  const refusals = thrown.map(withTypedHint)
  const [refusal] = refusals
  const exitCode = refusal?.exitCode ?? 0
  const rows: readonly Row[] = [
    ...refusals.flatMap(describeRefusal),
    ...warnings.map((warning): Row => ['warning', warning]),
    ...(refusal === undefined ? [['not checked', UNCHECKED] as const] : []),
  ]
  return {
    exitCode,
    document: {
      ...document,
      refusals: refusals.map(({ code, message, hint }) => ({ code, message, hint })),
      warnings,
      ok: refusal === undefined,
      exitCode,
    },
    report: toReport([renderBlock(refusal === undefined ? PASSED : FAILED, file, rows, report)]),
  }
}

/** An error that serve would end with. */
function describeRefusal({ code, hint, message }: CountersignError): readonly Row[] {
  const error: Row = ['error', `${message} [${code}]`]
  return hint === undefined ? [error] : [error, ['hint', hint]]
}

function problemText(problem: ConfigProblem): string {
  const hint = problem.hint === undefined ? '' : `\n  hint: ${printable(problem.hint)}`
  return `${printable(describeProblem(problem))}${hint}`
}

function show({ file, problems, settings }: Inspection): Outcome {
  const [first, ...rest] = problems
  if (first !== undefined) throw invalidConfig([first, ...rest])
  return {
    exitCode: 0,
    document: { schema: schema('config'), ok: true, exitCode: 0, file: file ?? null, settings },
    report: settings
      .map(({ path, value, origin }) => `${path} = ${write(value)}  (${describeOrigin(origin)})\n`)
      .join(''),
  }
}

function write(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
