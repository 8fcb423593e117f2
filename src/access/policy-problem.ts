/** What is wrong with a policy, and where. */
import { CountersignError } from '../errors.ts'
import type { DetailedError } from './cedar.ts'

/** A text of policies and the name it goes by in messages: the path of its file. */
export interface PolicySource {
  readonly file: string
  readonly text: string
}

/** A place in a file; line and column count from 1, columns in UTF-16 code units as editors do. */
export interface PolicyPlace {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One mistake. */
export interface PolicyProblem extends PolicyPlace {
  readonly message: string
  readonly hint: string | undefined
}

/** Finds the place of an offset (UTF-16, as strings count) in a text. */
export function problemPlace({ file, text }: PolicySource, offset: number): PolicyPlace {
  const before = text.slice(0, offset)
  return {
    file,
    line: before.split('\n').length,
    column: offset - before.lastIndexOf('\n'),
  }
}

/** Writes a place as editors and compilers do: `policies/release.cedar:3:14`. */
export function describePlace({ file, line, column }: PolicyPlace): string {
  return `${file}:${line}:${column}`
}

/**
 * Makes a problem of what Cedar says about a piece of a text.
 *
 * @param base - where the piece begins in the text
 */
export function toPolicyProblem(
  source: PolicySource,
  error: DetailedError,
  piece: string = source.text,
  base = 0,
): PolicyProblem {
  const [at] = error.sourceLocations ?? []
  // Cedar counts bytes of UTF-8.
  const offset = Buffer.from(piece)
    .subarray(0, at?.start ?? 0)
    .toString().length
  const label = at?.label === undefined || at.label === null ? '' : `: ${at.label}`
  // The policy is named by its place already.
  const message = error.message.replace(/^for policy `[^`]*`, /, '')
  return {
    ...problemPlace(source, base + offset),
    message: `${message}${label}`,
    hint: error.help ?? undefined,
  }
}

/** Makes the one error of policies that can't be used, from everything that is wrong with them. */
export function invalidPolicies(
  problems: readonly [PolicyProblem, ...PolicyProblem[]],
): CountersignError<'ERR_POLICY_INVALID'> {
  const [first, ...rest] = problems
  const more = rest.length === 0 ? '' : ` (and ${rest.length} more)`
  const message = `${describePlace(first)}: ${first.message}${more}`
  const { file, line, column } = first
  return new CountersignError('ERR_POLICY_INVALID', message, {
    hint: first.hint,
    reason: first.hint === undefined ? 'policy-mistake' : undefined,
    details: { file, line, column, problems: problems.length },
  })
}
