/** What a step says that fails when some of its work can't be taken back. */
import { CountersignError } from '../src/errors.ts'
import { withInputHint } from './hints.ts'

/** Adds to an error what was finished before it, one thing a line, and that running again is safe. */
export function tellDone(thrown: unknown, done: readonly string[]): CountersignError {
  const error = withInputHint(thrown)
  const { code, message, hint, details, cause } = error
  const finished = done.length === 0 ? ['finished before that: nothing'] : ['finished before that:']
  const lines = [
    ...(hint === undefined ? [] : [hint]),
    ...finished,
    ...done,
    'it is safe to run it again',
  ]
  return new CountersignError(code, message, { hint: lines.join('\n'), details, cause })
}
