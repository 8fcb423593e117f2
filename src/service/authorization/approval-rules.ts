/**
 * The rules of approval in the log: they show auditors which changes needed how many people at the
 * time. Replicas hold themselves to the newest rules of the log too, so one that was started with others does
 * not fall behind them.
 *
 * @packageDocumentation
 */
import type { ApprovalSettings } from '../../access/approvals.ts'
import { appendEntries } from '../../log/append.ts'
import { NO_RULES, normalRules } from '../../log/approval-rules.ts'
import type { ApprovalRules } from '../../log/entry.ts'
import { type LogTree, readProvenEntry } from '../../log/proven-entry.ts'
import type { CheckedClock } from '../../rotation/checked-clock.ts'
import type { Store } from '../../store/store.ts'

/**
 * Reads the newest rules of a log.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — their entry is not what the tree has there
 */
export async function readRules(log: LogTree): Promise<ApprovalRules> {
  for (const index of await log.find('type:rules', { limit: 1 })) {
    const entry = await readProvenEntry(log, index)
    if (entry.type === 'rules') return normalRules(entry.approvals)
  }
  return NO_RULES
}

/**
 * Writes the rules of a service into the log where they are not the newest there.
 *
 * @throws {@link CountersignError} ERR_CLOCK — they are not, and the clock is wrong
 */
export async function recordRules(
  store: Pick<Store, 'transaction'>,
  settings: ApprovalSettings,
  { requestId, clock }: { readonly requestId: string; readonly clock: Pick<CheckedClock, 'check'> },
): Promise<void> {
  await store.transaction(async (records) => {
    const { keys, log } = records
    // A change that is under way ends before the rules change, or is held to the new ones.
    const names = (await keys.keys()).map(({ name }) => name)
    for (const name of names.toSorted()) await keys.lockKey(name)
    const approvals = normalRules(settings)
    if (JSON.stringify(await readRules(log)) === JSON.stringify(approvals)) return
    const time = await clock.check(records)
    const entry = { type: 'rules', time, requestId, caller: undefined, approvals } as const
    await appendEntries(records, [entry])
  })
}
