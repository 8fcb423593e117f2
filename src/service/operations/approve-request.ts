/** Approving what others asked to do with a key: allowed by policy, and in the log with the approval itself. */
import type { AdministrativeAction } from '../../access/action.ts'
import { approve } from '../../access/approvals.ts'
import type { Caller } from '../../access/caller.ts'
import { CountersignError } from '../../errors.ts'
import { appendEntries } from '../../log/append.ts'
import type { ApprovalRequest } from '../../store/store.ts'
import { approvalEntry } from '../approval.ts'
import type { ServiceContext } from '../context.ts'
import { findKey } from './sign-artifacts.ts'

/** What approvals need of the service. */
export type ApprovalContext = Pick<ServiceContext, 'authorize' | 'keyring' | 'now' | 'store'>

/** Which request is approved, by whom. */
export interface Approval {
  readonly caller: Caller
  readonly id: string
  /** The request as its approver saw it. */
  readonly requestSha256: string
  readonly requestId: string
}

const ACTIONS: Readonly<Record<AdministrativeAction, true>> = {
  createKey: true,
  importKey: true,
  rotateKey: true,
  activateKey: true,
  retireKey: true,
  revokeKey: true,
  destroyKey: true,
}

/**
 * Adds the approval of a caller.
 *
 * @throws {@link CountersignError} ERR_NOT_ALLOWED — no policy lets the caller approve this;
 * ERR_APPROVAL_REQUIRED — no such request waits, or not like that; ERR_KEY_NOT_FOUND
 */
export async function approveRequest(
  context: ApprovalContext,
  { caller, id, requestId, requestSha256 }: Approval,
): Promise<ApprovalRequest> {
  const { keyring, now, store } = context
  const waiting = await store.transaction(({ approvals }) => approvals.findApproval(id))
  if (waiting !== undefined) {
    const key = findKey(keyring, waiting.resource)
    const access = { action: 'approve', key, approvedAction: toAction(waiting.action) } as const
    await context.authorize(caller, access, requestId)
  }
  return store.transaction(async ({ approvals: records, keys, log }) => {
    if (waiting !== undefined) await keys.lockKey(waiting.resource)
    const time = now()
    const approved = await approve({ id, requestSha256 }, { records, caller, now: time })
    await appendEntries(log, [approvalEntry('approve', approved, { caller, requestId, time })])
    return approved
  })
}

function toAction(name: string): AdministrativeAction {
  if (isAction(name)) return name
  throw new CountersignError('ERR_INTERNAL', `the store has a request for "${name}"`)
}

function isAction(name: string): name is AdministrativeAction {
  return Object.hasOwn(ACTIONS, name)
}
