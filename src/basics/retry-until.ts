/** Repeats what fails for a reason that passes, for as long as its caller waits. */
import type { Runtime } from './runtime.ts'

/** What is repeated, and how long. */
export interface RetryTerms {
  /** When the answer is due, in ms on the clock of the runtime: no wait ends after it. */
  readonly until: number
  readonly signal?: AbortSignal | undefined
  readonly isWorthRetrying: (error: unknown) => boolean
  /** Longest wait between two tries, in ms; asked before each. */
  readonly longestWaitMs: () => number
}

const FIRST_WAIT_MS = 50

/**
 * Tries until it works, fails for good, or the answer is due; then the last failure is thrown, which says more
 * than that time is over. Waits are random up to a bound that doubles ("full jitter").
 *
 * @throws what the attempt throws; {@link CountersignError} ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted
 * during a wait
 */
export async function retryUntil<T>(
  attempt: () => Promise<T>,
  { until, signal, isWorthRetrying, longestWaitMs }: RetryTerms,
  { now, random, pause }: Pick<Runtime, 'now' | 'random' | 'pause'>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!isWorthRetrying(error) || signal?.aborted === true) throw error
      const waitMs = random() * Math.min(longestWaitMs(), FIRST_WAIT_MS * 2 ** tries)
      if (now() + waitMs >= until) throw error
      await pause(waitMs, signal)
    }
  }
}
