/** Whether this replica's clock is near enough to those of the others: by the one clock they all see. */
import { CountersignError } from '../errors.ts'
import type { Keyring } from '../rotation/keyring.ts'
import type { Store } from '../store/store.ts'
import type { ReadinessCheck } from './context.ts'

/** What the check looks at. */
export interface ClockCheckOptions {
  readonly store: Pick<Store, 'clock'>
  readonly keyring: Pick<Keyring, 'snapshot'>
  readonly now: () => Date
}

/**
 * Makes the check. It fails with ERR_CONFIG_INVALID where the clocks of replica and database differ by more
 * than the least L of all keys: what such a replica signs may lie outside the window of its version.
 */
export function createClockCheck({ store, keyring, now }: ClockCheckOptions): ReadinessCheck {
  return {
    name: 'clock',
    check: async () => {
      const before = now().getTime()
      const there = (await store.clock()).getTime()
      const after = now().getTime()
      // Asked for between the two, it may be any time between the two.
      const aheadMs = Math.max(before - there, there - after, 0)
      const lags = keyring.snapshot.keys.map(({ policy }) => policy.signerLagSeconds)
      if (aheadMs <= Math.min(...lags) * 1000) return
      throw new CountersignError('ERR_CONFIG_INVALID', `the clock is off by ${aheadMs} ms`, {
        hint: 'let this machine and that of the database follow one time server (NTP)',
        details: { offsetMs: aheadMs },
      })
    },
  }
}
