/** The way out of a store that is behind its anchor: an operator says so, in the log. */
import { CountersignError } from '../errors.ts'
import { appendEntries } from '../log/append.ts'
import { LOG_ROLES, type LogNames, type LogRole } from '../log/log-roles.ts'
import type { Store } from '../store/store.ts'
import type { Anchor } from './anchor.ts'
import type { CheckedClock } from './checked-clock.ts'
import type { Operator } from './context.ts'
import type { StoreAnchor } from './store-anchor.ts'
import { logOf, readStoreState } from './store-state.ts'

/** What an acceptance stands on, and who makes it. */
export interface Acceptance {
  readonly store: Pick<Store, 'transaction'>
  readonly clock: Pick<CheckedClock, 'check'>
  readonly anchor: StoreAnchor
  /** Names of the logs. */
  readonly names: LogNames
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
  const { anchor, by, clock, names, store } = acceptance
  const { known } = anchor
  const isDone = await store.transaction(async (records) => {
    const { behind, heads, isLogBehind } = await readStoreState(records, known, names)
    if (behind === undefined) return false
    if (isLogBehind) assertNewNames(known, names)
    const time = await clock.check(records)
    // One that was used since the backup waits again.
    for (const { id } of await records.approvals.approvals(time)) {
      await records.approvals.deleteApproval(id)
    }
    const sequence = await records.keys.raiseSequence(known.sequence)
    const { caller, reason, requestId } = by
    const logs = LOG_ROLES.map((log) => {
      const { origin, size } = logOf(known, log, names[log]) ?? {
        origin: names[log],
        size: heads[log].size,
      }
      return { log, origin, size }
    })
    const entry = { type: 'restore', time, requestId, caller, logs, sequence, reason } as const
    await appendEntries(records, [entry])
    records.announce()
    return true
  })
  if (isDone) await anchor.accept()
}

const NAME_SETTINGS: Readonly<
  Record<LogRole, { readonly setting: string; readonly hint: string }>
> = {
  audit: { setting: 'log.auditOrigin', hint: 'such as sign.example.com/audit-2' },
  transparency: { setting: 'log.origin', hint: 'another host name' },
}

/** Both logs are in one store: where one lost entries, so did the other, or it no longer matches that one. */
function assertNewNames({ logs }: Anchor, names: LogNames): void {
  for (const role of LOG_ROLES) {
    const origin = names[role]
    if (!logs.some((log) => log.origin === origin)) continue
    const { hint, setting } = NAME_SETTINGS[role]
    const message = 'the logs lost entries, so neither can go on under a name that one of them had'
    throw new CountersignError('ERR_CONFIG_INVALID', message, {
      hint: `set ${setting} to a name that no log ever had, ${hint}: docs/runbooks/restore.md`,
      details: { origin },
    })
  }
}
