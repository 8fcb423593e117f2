/** Options that take a point in time: a date, a time of RFC 3339, or how long ago it was. */
import { Option } from '@commander-js/extra-typings'
import { DURATION_PATTERN, parseDurationSeconds } from '../../src/config/duration.ts'
import { CountersignError } from '../../src/errors.ts'
import type { Context } from '../context.ts'

const DATE = String.raw`\d{4}-\d\d-\d\d`
const CLOCK = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?`
const TIME = new RegExp(String.raw`^(${DATE})(?:T${CLOCK}(?:Z|[+-]\d\d:\d\d))?$`)
const DURATION = new RegExp(DURATION_PATTERN)

/** Makes an option whose value is a time; see {@link parseTime}. */
export function timeOption<Flags extends string>(
  flags: Flags,
  description: string,
  { now }: Pick<Context, 'now'>,
): Option<Flags, undefined, undefined, Date> {
  return new Option(flags, description).argParser((text) => parseTime(text, now()))
}

/**
 * Parses a time: `2026-11-22` (its first moment in UTC), `2026-11-22T10:00:00Z`, or `7d` before now.
 *
 * @throws {@link CountersignError} ERR_USAGE — any other text, or a day that is not in the calendar
 */
export function parseTime(text: string, now: Date): Date {
  if (DURATION.test(text)) return new Date(now.getTime() - parseDurationSeconds(text) * 1000)
  const date = TIME.exec(text)?.[1]
  const time = new Date(date === undefined ? NaN : text)
  if (!Number.isNaN(time.getTime()) && isCalendarDay(date ?? '')) return time
  throw new CountersignError('ERR_USAGE', `"${text}" is not a time`, {
    hint: 'write it as 2026-11-22, 2026-11-22T10:00:00Z, or 7d for seven days ago (s, m, h, d)',
  })
}

/** JavaScript takes 31 February for 3 March, and the 38th of a month of the year 2 for one of 1938. */
function isCalendarDay(date: string): boolean {
  const midnight = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(date)
}
