/** Actions on keys that nobody does alone, as routes ask for them. */
import { type ApprovalSettings, approvalRequired, claimApproval } from '../access/approvals.ts'
import type { Store } from '../store/store.ts'
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
  return async (caller, request) => {
    const time = now()
    const outcome = await store.transaction(({ approvals: records }) =>
      claimApproval(request, { records, settings, caller, now: time }, randomId),
    )
    if (!outcome.isApproved) throw approvalRequired(outcome)
  }
}
