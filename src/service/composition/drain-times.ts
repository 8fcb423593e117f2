/** The time that the service has to stop, and what is cut off when. */
import type { ServeSettings } from '../../config/service-settings.ts'
import { CountersignError } from '../../errors.ts'
import type { Lifecycle } from './lifecycle.ts'

/** When what is cut off, within the time that the service has to stop. */
export interface DrainTimes {
  /** Requests, so that what they did can still be written. */
  readonly requestsMs: number
  /** Everything; what is left of the time is for the process to end. */
  readonly allMs: number
}

const LONGEST_WRITING_MS = 2000
const ENDING_MS = 250

/** Divides the time that the service has to stop. */
export function drainTimes({
  drainTimeoutSeconds,
}: Pick<ServeSettings, 'drainTimeoutSeconds'>): DrainTimes {
  const wholeMs = drainTimeoutSeconds * 1000
  return {
    requestsMs: wholeMs - Math.min(LONGEST_WRITING_MS, wholeMs / 2),
    allMs: wholeMs - ENDING_MS,
  }
}

/**
 * Stops everything within its time.
 *
 * @throws CountersignError ERR_TIMEOUT — something had not stopped by then
 */
export async function stopInTime(lifecycle: Lifecycle, { allMs }: DrainTimes): Promise<void> {
  const late = new AbortController()
  const timer = setTimeout(() => {
    late.abort(new CountersignError('ERR_TIMEOUT', 'the time to stop is over'))
  }, allMs)
  try {
    await lifecycle.stop(late.signal)
  } finally {
    clearTimeout(timer)
  }
}
