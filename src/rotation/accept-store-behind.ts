/** The way out of a store that is behind its anchor: an operator says so, in the log. */
import { CountersignError } from '../errors.ts'
import { appendEntries } from '../log/append.ts'
import type { Store, StoreTransaction } from '../store/store.ts'
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
 * from above those that were lost. Logs that lost entries go on under names that they never had, and requests that
 * wait for approval are dropped. Does nothing where the store is not behind.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — the logs lost entries, and one has its old name; ERR_CLOCK
 */
export async function acceptStoreBehind(acceptance: Acceptance): Promise<void> {
  const { anchor, by, clock, origin, store } = acceptance
  const { known } = anchor
  const isDone = await store.transaction(async (records) => {
    const { behind, head, isLogBehind } = await readStoreState(records, known, origin)
    if (behind === undefined) return false
    const lost = logOf(known, origin) ?? { origin, size: head.size }
    if (isLogBehind) await assertNewNames(records, { lost: lost.origin, origin })
    const time = await clock.check(records)
    // One that was used since the backup waits again.
    for (const { id } of await records.approvals.approvals(time)) {
      await records.approvals.deleteApproval(id)
    }
    const sequence = await records.keys.raiseSequence(known.sequence)
    const { caller, reason, requestId } = by
    const about = { type: 'restore', time, requestId, caller } as const
    const entry = { ...about, origin: lost.origin, size: lost.size, sequence, reason }
    await appendEntries(records, [entry])
    records.announce()
    return true
  })
  if (isDone) await anchor.accept()
}

/**
 * Both logs are in one store, so both lost entries. At the start, what was signed for a log under another name was
 * dropped; a checkpoint of the transparency log that is still there is under its old one.
 */
async function assertNewNames(
  { transparencyLog }: Pick<StoreTransaction, 'transparencyLog'>,
  { lost, origin }: { readonly lost: string; readonly origin: string },
): Promise<void> {
  if (lost === origin) throw sameName('log.auditOrigin', `such as ${origin}-2`, { origin })
  const checkpoint = await transparencyLog.checkpoint()
  if (checkpoint !== undefined) throw sameName('log.origin', 'another host name', {})
}

function sameName(
  setting: string,
  suggestion: string,
  details: Readonly<Record<string, string>>,
): CountersignError {
  const message = 'the logs lost entries, so neither can go on under the name that it had'
  return new CountersignError('ERR_CONFIG_INVALID', message, {
    hint: `set ${setting} to a name that it never had, ${suggestion}: docs/runbooks/restore.md`,
    details,
  })
}
