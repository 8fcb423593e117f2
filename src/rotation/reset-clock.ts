/** The way out of a log whose latest entry was dated by a wrong clock: an operator says so, in the log. */
import { appendEntries } from '../log/append.ts'
import type { Store } from '../store/store.ts'
import type { CheckedClock } from './checked-clock.ts'
import type { Operator } from './context.ts'

/** What a correction stands on, and who makes it. */
export interface ClockReset {
  readonly store: Pick<Store, 'transaction'>
  readonly clock: Pick<CheckedClock, 'checkMachine' | 'isBehind'>
  readonly by: Operator & { readonly reason: string }
}

/**
 * Has the log go on by the clock of this machine, where its latest entry lies ahead of it by more than L, and
 * drops requests that wait for approval. Does nothing where it does not, so that a second replica, or a second start, changes nothing.
 *
 * @returns whether anything was done
 * @throws {@link CountersignError} ERR_CLOCK — the clock of this machine is wrong itself
 */
export async function resetClock({ store, clock, by }: ClockReset): Promise<boolean> {
  return store.transaction(async (records) => {
    const time = await clock.checkMachine(records)
    const { latest } = await records.log.lockHead()
    if (latest === undefined || !clock.isBehind(latest)) return false
    const { caller, reason, requestId } = by
    const entry = { type: 'clock', time, requestId, caller, latest, reason } as const
    await appendEntries(records, [entry])
    // They would wait for as long as the clock was ahead.
    for (const { id } of await records.approvals.approvals(time)) {
      await records.approvals.deleteApproval(id)
    }
    return true
  })
}
