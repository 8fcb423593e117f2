/** Actions on keys that nobody does alone, as routes ask for them; each step is in the log. */
import {
  type ApprovalOutcome,
  type ApprovalSettings,
  approvalRequired,
  claimApproval,
} from '../access/approvals.ts'
import type { Caller } from '../access/caller.ts'
import { appendEntries } from '../log/append.ts'
import type { ApprovalEntry } from '../log/entry.ts'
import type { ApprovalRequest, Store } from '../store/store.ts'
import type { ServiceContext } from './context.ts'

/** What approvals stand on. */
export interface ApprovalOptions {
  readonly store: Store
  readonly settings: ApprovalSettings
  readonly now: () => Date
  readonly randomId: () => string
}

/** Makes {@link ServiceContext.assertApproved}. */
export function createApproval(options: ApprovalOptions): ServiceContext['assertApproved'] {
  const { now, randomId, settings, store } = options
  return async (caller, request, requestId) => {
    const outcome = await store.transaction(async ({ approvals: records, keys, log }) => {
      // Two that send it at once would both find it approved, and do it twice.
      await keys.lockKey(request.resource)
      const time = now()
      const claim = { records, settings, caller, now: time }
      const found = await claimApproval(request, claim, randomId)
      const by = { caller, requestId, time }
      await appendEntries(
        log,
        stepsOf(found).map(([step, about]) => approvalEntry(step, about, by)),
      )
      return found
    })
    if (!outcome.isApproved) throw approvalRequired(outcome)
  }
}

function stepsOf(outcome: ApprovalOutcome): readonly [ApprovalEntry['step'], ApprovalRequest][] {
  if (!outcome.isApproved) return outcome.isNew ? [['request', outcome.request]] : []
  return outcome.used === undefined ? [] : [['use', outcome.used]]
}

/** Says of one step who took it. */
export function approvalEntry(
  step: ApprovalEntry['step'],
  { action, id, requestSha256, resource }: ApprovalRequest,
  { caller, requestId, time }: Pick<ApprovalEntry, 'requestId' | 'time'> & { caller: Caller },
): ApprovalEntry {
  const about = { action, resource, approvalId: id, requestSha256 }
  return { type: 'approval', time, requestId, caller, step, ...about }
}
