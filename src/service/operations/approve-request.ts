/** Approving what others asked to do with a key: allowed by policy, and in the log with the approval itself. */
import type { AdministrativeAction } from '../../access/action.ts'
import { type Approval, assertApprovable, openApproval } from '../../access/approvals.ts'
import { CountersignError } from '../../errors.ts'
import { appendEntries } from '../../log/append.ts'
import { nameCaller } from '../../log/logged-approval.ts'
import { approvalTime, approveEntry, type Approver } from '../authorization/approval.ts'
import type { ServiceContext } from '../context.ts'
import { findKey } from './find-key.ts'

/** What approvals need of the service. */
export type RequestApprovalContext = Pick<
  ServiceContext,
  'approvals' | 'authorize' | 'clock' | 'keyring' | 'now' | 'store'
>

/** Which request is approved, by whom. */
export interface ApprovalOrder extends Approver {
  readonly id: string
  /** The request as its approver saw it. */
  readonly requestSha256: string
}

/** What policies are asked about; an activation that is forced is an activation. */
const ACTIONS: Readonly<Record<string, AdministrativeAction>> = {
  createKey: 'createKey',
  importKey: 'importKey',
  rotateKey: 'rotateKey',
  activateKey: 'activateKey',
  forceActivateKey: 'activateKey',
  relocateKey: 'relocateKey',
  retireKey: 'retireKey',
  revokeKey: 'revokeKey',
  destroyKey: 'destroyKey',
}

/**
 * Adds the approval of a caller whom policies let approve everything about the request that needs approval.
 *
 * @throws {@link CountersignError} ERR_NOT_ALLOWED — no policy lets the caller approve this;
 * ERR_APPROVAL_REQUIRED — no such request waits, or not like that; ERR_KEY_NOT_FOUND
 */
export async function approveRequest(
  context: RequestApprovalContext,
  { caller, id, requestId, requestSha256 }: ApprovalOrder,
): Promise<Approval> {
  const { approvals: approving, clock, now, store } = context
  const waiting = await store.transaction(({ approvals: records, log }) =>
    openApproval(id, { records, log, now: now() }),
  )
  if (waiting !== undefined) await authorize(context, waiting, { caller, requestId })
  return store.transaction(async (all) => {
    const { approvals: records, keys, log } = all
    // Nor does the approval of a revocation; who approves twice at once counts once.
    if (waiting !== undefined && waiting.action !== 'revokeKey')
      await keys.lockKey(waiting.resource)
    const time = await approvalTime(clock, all, waiting?.action ?? '')
    const approval = await openApproval(id, { records, log, now: time })
    const rules = await approving.rules({ log })
    assertApprovable(approval, { id, requestSha256 }, { caller, rules })
    const [appended] = await appendEntries(all, [
      approveEntry(approval, { caller, requestId }, time),
    ])
    const added = [nameCaller(caller), appended?.index ?? 0] as const
    return { ...approval, agreed: new Map([...approval.agreed, added]) }
  })
}

async function authorize(
  { authorize: permit, keyring }: RequestApprovalContext,
  { protectedActions, resource }: Approval,
  { caller, requestId }: Approver,
): Promise<void> {
  const key = findKey(keyring, resource)
  const approvedActions = new Set(protectedActions.map(toAction))
  for (const approvedAction of approvedActions) {
    await permit(caller, { action: 'approve', key, approvedAction }, requestId)
  }
}

function toAction(name: string): AdministrativeAction {
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  if (action !== undefined) return action
  throw new CountersignError('ERR_INTERNAL', `the log has a request for "${name}"`)
}
