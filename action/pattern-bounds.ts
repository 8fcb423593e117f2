/** How complex one pattern of files may be. */
import { CountersignError } from '../src/errors.ts'

const MAX_CHARACTERS = 1024
const MAX_DEEP = 4
const MAX_STARS = 3

/**
 * Refuses a pattern whose comparison with one name takes seconds: each `*` in a name multiplies the work by the
 * length of the name. Names may be those of a pull request, and a pattern may hold what an event brought.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function assertBoundedPattern(pattern: string): void {
  const parts = pattern.split('/')
  const isBounded =
    pattern.length <= MAX_CHARACTERS &&
    parts.filter((part) => part === '**').length <= MAX_DEEP &&
    parts.every((part) => part === '**' || part.split('*').length - 1 <= MAX_STARS)
  if (isBounded) return
  throw new CountersignError('ERR_USAGE', `"${pattern.slice(0, 100)}" is too complex a pattern`, {
    hint: `write several patterns; one has at most ${MAX_STARS} times * in a name, ${MAX_DEEP} times ** and ${MAX_CHARACTERS} characters`,
  })
}
