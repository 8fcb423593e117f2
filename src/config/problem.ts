/** All mistakes in the configuration, each with its location. */
import { CountersignError } from '../errors.ts'
import { describeOrigin, type Origin } from './origin.ts'

/** One mistake. */
export interface ConfigProblem {
  /** The setting, as `keys.release.provider`; empty for the file as a whole. */
  readonly path: string
  readonly message: string
  readonly hint?: string
  readonly origin: Origin
}

/** Writes a mistake on one line: `countersign.yaml:7:5: keys.release.use: …`. */
export function describeProblem({ path, message, origin }: ConfigProblem): string {
  const column = origin.kind === 'file' ? `:${origin.column}` : ''
  return [`${describeOrigin(origin)}${column}`, ...(path === '' ? [] : [path]), message].join(': ')
}

/** Makes the one error of a configuration that can't be used; the first mistake speaks for the rest. */
export function invalidConfig(
  problems: readonly [ConfigProblem, ...ConfigProblem[]],
): CountersignError {
  const [first, ...rest] = problems
  const { origin } = first
  const more = rest.length === 0 ? '' : ` (and ${rest.length} more)`
  return new CountersignError('ERR_CONFIG_INVALID', `${describeProblem(first)}${more}`, {
    hint: first.hint,
    reason: rest.length === 0 ? undefined : 'several-config-mistakes',
    details: { problems: problems.length, ...(origin.kind === 'file' && { file: origin.file }) },
  })
}
