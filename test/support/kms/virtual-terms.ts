/** Calls to KMS in virtual time: waits end at once, and the clock of the test says that they took place. */
import { vi } from 'vitest'
import { assertNotCancelled } from '../../../src/basics/cancellation.ts'
import type { KmsTerms } from '../../../src/providers/awskms/calls.ts'
import { ManualTimer } from '../manual-timer.ts'
import { seededRandom } from '../seeded-random.ts'

/**
 * Terms for a provider; changes of them win. With `vi.useFakeTimers({ toFake: ['Date'] })` each wait moves the
 * clock, which the double and the circuits read too.
 */
export function virtualTerms(changes: Partial<KmsTerms> = {}): KmsTerms {
  return {
    quotas: { rsa: 1e6, ecc: 1e6 },
    patienceMs: 10_000,
    runtime: {
      now: () => Date.now(),
      random: seededRandom(7),
      pause: (ms, signal) => {
        assertNotCancelled(signal)
        if (vi.isFakeTimers()) vi.setSystemTime(Date.now() + ms)
        return Promise.resolve()
      },
    },
    startTimer: new ManualTimer().start,
    ...changes,
  }
}
