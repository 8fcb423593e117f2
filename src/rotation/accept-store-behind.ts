/** The way out of a store that is behind its anchor: an operator says so, in the log. */
import { CountersignError } from '../errors.ts'
import { appendEntries } from '../log/append.ts'
import type { Store } from '../store/store.ts'
import type { CheckedClock } from './checked-clock.ts'
import type { Operator } from './context.ts'
import type { StoreAnchor } from './store-anchor.ts'
import { logOf, readStoreState } from './store-state.ts'

/** What an acceptance stands on, and who makes it. */
export interface Acceptance {
  readonly store: Pick<Store, 'transaction'>
  readonly clock: Pick<CheckedClock, 'check'>
  readonly anchor: StoreAnchor
  /** Name of the log. */
  readonly origin: string
  readonly by: Operator & { readonly reason: string }
}

/**
 * Has the service go on with a store that is behind its anchor: an entry says so, and publications are numbered
 * from above those that were lost. A log that lost entries goes on under a name that it never had, and requests
 * that wait for approval are dropped. Does nothing where the store is not behind.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — the log lost entries, and has its old name; ERR_CLOCK
 */
export async function acceptStoreBehind(acceptance: Acceptance): Promise<void> {
  const { anchor, by, clock, origin, store } = acceptance
  const { known } = anchor
  const isDone = await store.transaction(async (records) => {
    const { behind, head, isLogBehind } = await readStoreState(records, known, origin)
    if (behind === undefined) return false
    const lost = logOf(known, origin) ?? { origin, size: head.size }
    if (isLogBehind && lost.origin === origin) throw sameName(origin)
    const time = await clock.check(records)
    // One that was used since the backup waits again.
    for (const { id } of await records.approvals.approvals(time)) {
      await records.approvals.deleteApproval(id)
    }
    const sequence = await records.keys.raiseSequence(known.sequence)
    const { caller, reason, requestId } = by
    const about = { type: 'restore', time, requestId, caller } as const
    const entry = { ...about, origin: lost.origin, size: lost.size, sequence, reason }
    await appendEntries(records.log, [entry])
    records.announce()
    return true
  })
  if (isDone) await anchor.accept()
}

function sameName(origin: string): CountersignError {
  return new CountersignError(
    'ERR_CONFIG_INVALID',
    `the log "${origin}" lost entries, so it cannot go on under this name`,
    {
      hint: `set log.origin to a name that it never had, such as ${origin}-2: docs/runbooks/restore.md`,
      details: { origin },
    },
  )
}
