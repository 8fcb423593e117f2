/** The clock of a time-stamp authority. */
import { CountersignError } from '../errors.ts'

/** Tells the time that a time stamp may say. */
export interface StampClock {
  /** How far from the truth it may be; every time stamp says so. */
  readonly accuracySeconds: number
  /**
   * The time for the next time stamp.
   *
   * @throws {@link CountersignError} ERR_CLOCK — the machine's clock is further behind the
   * time given last than a time stamp may be from the truth
   */
  read(): Date
}

/** One second for rounding up, one for the machine's clock. */
const ACCURACY_SECONDS = 2

/**
 * Makes a clock that gives whole seconds and never goes back. All authorities of a process share one:
 * a new key must not give an earlier time than the old one did.
 *
 * It rounds up, since a time stamp says "it existed then": rounded down it would vouch for up to a second
 * in which nothing existed, before a key was activated or just before it was compromised. Fractions of a
 * second would avoid that, but \@sigstore/core drops them, and reads no fraction but one of three digits.
 */
export function createStampClock(
  now: () => Date,
  accuracySeconds: number = ACCURACY_SECONDS,
): StampClock {
  let lastMs = -Infinity
  return {
    accuracySeconds,
    read: () => {
      const nowMs = now().getTime()
      const behindMs = lastMs - nowMs
      if (behindMs > accuracySeconds * 1000) throw wentBack(behindMs)
      lastMs = Math.max(lastMs, Math.ceil(nowMs / 1000) * 1000)
      return new Date(lastMs)
    },
  }
}

function wentBack(behindMs: number): CountersignError {
  return new CountersignError(
    'ERR_CLOCK',
    `the clock is ${Math.ceil(behindMs / 1000)} s behind the time of the last time stamp`,
    { hint: 'check the time synchronization of this machine (chronyc tracking)' },
  )
}
