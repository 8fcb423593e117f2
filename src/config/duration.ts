/** Durations as people write them: `30s`, `15m`, `1h`, `90d`. */
import { CountersignError } from '../errors.ts'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** What a duration looks like: a whole number without leading zeros, and one unit. */
export const DURATION_PATTERN = '^[1-9][0-9]{0,8}[smhd]$'

/**
 * Parses a duration to seconds: a whole number above zero and its unit, nothing else.
 *
 * @throws {@link CountersignError} ERR_USAGE — any other text, or over 100 years
 */
export function parseDurationSeconds(text: string): number {
  const unit = new RegExp(DURATION_PATTERN).test(text) ? SECONDS[text.slice(-1)] : undefined
  const seconds = Number.parseInt(text, 10) * (unit ?? NaN)
  if (seconds <= 100 * 365 * 86_400) return seconds
  throw new CountersignError('ERR_USAGE', `"${text}" is not a duration`, {
    hint: 'write a whole number and a unit: 30s, 15m, 1h, 90d; at most 36500d',
  })
}
