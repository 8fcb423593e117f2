/** How many patterns one pattern of files may stand for. */
import { CountersignError } from '../src/errors.ts'

const MAX_CHARACTERS = 1024
const MAX_BRACES = 3
const MAX_COMMAS = 16
const MAX_DEEP = 4

/**
 * Refuses a pattern that takes seconds to expand: fourteen braces of two choices stand for 16,384 patterns, and
 * `{1..9999999}` for as many as it says. A pattern may hold what an event brought, such as the name of a branch.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function assertFewPatterns(pattern: string): void {
  const count = (part: RegExp): number => pattern.match(part)?.length ?? 0
  const isFew =
    pattern.length <= MAX_CHARACTERS &&
    count(/\{/g) <= MAX_BRACES &&
    count(/,/g) <= MAX_COMMAS &&
    count(/\*\*/g) <= MAX_DEEP &&
    count(/\{[^{}]*\.\.[^{}]*\}/g) === 0
  if (isFew) return
  const shown = pattern.slice(0, 100)
  throw new CountersignError('ERR_USAGE', `"${shown}" stands for too many patterns`, {
    hint: `write several patterns; one has at most ${MAX_BRACES} braces, ${MAX_COMMAS} commas and ${MAX_DEEP} times **, and no range`,
  })
}
