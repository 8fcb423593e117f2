/** `countersign policy check`, and where every command finds the policies. */
import { readPolicyFolder } from '../../src/access/policy-folder.ts'
import {
  describePlace,
  type PolicyProblem,
  type PolicySource,
} from '../../src/access/policy-problem.ts'
import { inspectPolicies } from '../../src/access/policy-set.ts'
import { CountersignError } from '../../src/errors.ts'
import type { CommandEnvironment } from '../command.ts'
import { type ConfigFlags, readCommandConfig } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { schema } from '../render/json.ts'
import { countMistakes, FAILED, PASSED, renderBlock } from '../render/layout.ts'
import { printable } from '../../src/formats/printable.ts'

/**
 * Reads the policies of a folder, or of the one the configuration names.
 *
 * @throws {@link CountersignError} ERR_USAGE — no folder is named anywhere; those of readPolicyFolder and
 * readCommandConfig
 */
export async function readCommandPolicies(
  folder: string | undefined,
  flags: ConfigFlags,
  environment: CommandEnvironment,
): Promise<readonly PolicySource[]> {
  const named = folder ?? (await readCommandConfig(environment, flags)).access.policies
  if (named !== undefined) return readPolicyFolder(named)
  throw new CountersignError('ERR_USAGE', 'no folder of policies is named', {
    hint: 'name it, or set access.policies in countersign.yaml',
  })
}

/**
 * Checks all policies and lists every mistake with its place; ends with 2 where there is one. What is valid
 * and permits too much is a warning.
 */
export async function checkPolicies(
  folder: string | undefined,
  flags: ConfigFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const sources = await readCommandPolicies(folder, flags, environment)
  const { policies, problems, warnings } = await inspectPolicies(sources)
  const { terminal } = environment
  const exitCode = problems.length === 0 ? 0 : 2
  const [files, count] = [sources.map(({ file }) => file), policies.length]
  return {
    exitCode,
    document: {
      schema: schema('policy-check'),
      ok: exitCode === 0,
      exitCode,
      files,
      policies: count,
      problems,
      warnings,
    },
    report: [
      exitCode === 0
        ? renderBlock(PASSED, describeCount(count), [], terminal.report)
        : renderBlock(FAILED, countMistakes(problems.length), [], terminal.report),
      ...problems.map((problem) => describeProblem(problem)),
      ...warnings.map((warning) => describeProblem(warning, 'warning: ')),
      '',
    ].join('\n'),
  }
}

function describeProblem(problem: PolicyProblem, label = ''): string {
  const hint = problem.hint === undefined ? '' : `\n  hint: ${printable(problem.hint)}`
  return `${describePlace(problem)}: ${label}${printable(problem.message)}${hint}`
}

function describeCount(count: number): string {
  if (count === 0) return '0 policies: every request is denied'
  return count === 1 ? '1 policy' : `${count} policies`
}
