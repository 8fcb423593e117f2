import type { TestCase, TestModule, Vitest } from 'vitest/node'
import { parseCLI, startVitest } from 'vitest/node'
import { isDeep } from './depth.ts'
import { QuietReporter } from './quiet-reporter.ts'

/** What a run of vitest came to. */
export interface TestOutcome {
  readonly passed: number
  readonly failed: number
  readonly skipped: readonly SkippedTest[]
}

/** A test that did not run, and why. */
export interface SkippedTest {
  /** Path of its file. */
  readonly file: string
  readonly reason: string
}

/**
 * Runs vitest once with the arguments of its command line; with none it runs every test, and
 * in CI measures coverage, which takes as long as half of the tests. Without `--reporter` only what failed is shown.
 */
export async function runVitest(args: readonly string[]): Promise<TestOutcome> {
  const { filter, options } = parseCLI(['vitest', 'run', ...args])
  const vitest = await startVitest(filter, {
    ...(options.reporter === undefined && { reporters: quietReporters() }),
    ...options,
    ...(args.length === 0 && wholeRun(isDeep(process.env))),
  })
  const outcome = toOutcome(vitest)
  await vitest.close()
  return outcome
}

/** The cases of the Action run on its sources; on its bundle too where tests look as long as they can. */
function wholeRun(isLong: boolean): WholeRunOptions {
  return isLong ? { coverage: { enabled: true } } : { exclude: ['test/action/bundle-*.test.ts'] }
}

type WholeRunOptions =
  { readonly coverage: { readonly enabled: true } } | { readonly exclude: string[] }

function quietReporters(): (QuietReporter | 'github-actions')[] {
  const quiet = new QuietReporter()
  return process.env['GITHUB_ACTIONS'] === 'true' ? [quiet, 'github-actions'] : [quiet]
}

function toOutcome(vitest: Vitest): TestOutcome {
  const modules = vitest.state.getTestModules()
  const tests = modules.flatMap((module) => [...module.children.allTests()])
  const inState = (state: string): TestCase[] =>
    tests.filter((test) => test.result().state === state)
  const failed =
    inState('failed').length +
    inState('pending').length +
    modules.filter(failedOutsideTests).length +
    vitest.state.getUnhandledErrors().length
  return {
    passed: inState('passed').length,
    // Vitest tells of coverage below its thresholds, or of no tests at all, by the exit code alone.
    failed: failed === 0 && process.exitCode !== undefined && process.exitCode !== 0 ? 1 : failed,
    skipped: inState('skipped').map(toSkipped),
  }
}

/** A file that did not load, or a hook around its tests that threw: no test of it counts as failed. */
function failedOutsideTests(module: TestModule): boolean {
  return (
    module.errors().length > 0 ||
    [...module.children.allSuites()].some((suite) => suite.errors().length > 0)
  )
}

function toSkipped(test: TestCase): SkippedTest {
  const result = test.result()
  const note = result.state === 'skipped' ? result.note : undefined
  return {
    file: test.module.relativeModuleId,
    reason: note ?? 'no reason given',
  }
}
