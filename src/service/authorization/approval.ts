/** Approvals of changes to keys, as the service asks for them; each step is in the log. */
import {
  type Approval,
  type ApprovalContext,
  approvalRequired,
  type ApprovalSettings,
  findApproval,
  hashRequest,
  type ProtectedRequest,
} from '../../access/approvals.ts'
import type { Caller } from '../../access/caller.ts'
import { CountersignError } from '../../errors.ts'
import { appendEntries } from '../../log/append.ts'
import { stricterRules } from '../../log/approval-rules.ts'
import type { ApprovalEntry, ApprovalRules } from '../../log/entry.ts'
import { nameCaller } from '../../log/logged-approval.ts'
import type { CheckedClock, TimeSource } from '../../rotation/checked-clock.ts'
import type { Consent } from '../../rotation/context.ts'
import type { Store, StoreTransaction } from '../../store/store.ts'
import { readRules } from './approval-rules.ts'

/** What approvals stand on. */
export interface ApprovalOptions {
  readonly store: Pick<Store, 'transaction'>
  readonly settings: ApprovalSettings
  readonly now: () => Date
  readonly clock: Pick<CheckedClock, 'check' | 'checkOrEstimate'>
  readonly randomId: () => string
  /** Throws where approvals that were used may be there again; left out: they never are. */
  readonly assertCurrent?: () => void
}

/** Who takes a step, in which request. */
export interface Approver {
  readonly caller: Caller
  readonly requestId: string
}

/** Approvals of one service. */
export interface Approvals {
  /** The rules that apply: the service's own and those of the log, whichever asks for more. */
  readonly rules: (records: Pick<StoreTransaction, 'log'>) => Promise<ApprovalRules>
  /**
   * Makes sure that a request has the approvals that it needs by what it would do; else it waits for them.
   *
   * @throws CountersignError ERR_APPROVAL_REQUIRED — others have to approve first
   */
  readonly assertApproved: (request: ProtectedRequest, by: Approver) => Promise<void>
  /** Makes the consent to a request: it uses up its approval, in the transaction of the change. */
  readonly consentTo: (
    request: (steps: ProtectedRequest['steps']) => ProtectedRequest,
    by: Approver,
  ) => Consent
}

/** Makes the approvals of a service. */
export function createApprovals(options: ApprovalOptions): Approvals {
  const { now, settings, store } = options
  const rules: Approvals['rules'] = async ({ log }) => stricterRules(settings, await readRules(log))
  const contextOf = async (
    { approvals, log }: StoreTransaction,
    time: Date,
  ): Promise<ApprovalContext> => ({
    records: approvals,
    log,
    rules: await rules({ log }),
    now: time,
  })
  return {
    rules,
    assertApproved: async (request, by) => {
      const waiting = await store.transaction(async (records) => {
        // A revocation waits for no lock: at worst, two requests for it wait for approval.
        if (request.action !== 'revokeKey') await records.keys.lockKey(request.resource)
        const time = await approvalTime(options.clock, records, request.action)
        const context = await contextOf(records, time)
        const outcome = await findApproval(request, context)
        if (outcome.isApproved) return undefined
        const approval =
          outcome.approval ?? beginRequest(request, outcome, { ...options, by, time })
        if (outcome.approval === undefined) {
          await records.approvals.putApproval(approval)
          await appendEntries(records, [requestEntry(approval, by, time)])
        }
        return { approval, required: context.rules.required }
      })
      if (waiting !== undefined) throw approvalRequired(waiting.approval, waiting.required)
    },
    consentTo: (requestOf, by) => async (steps, records) => {
      const request = requestOf(steps)
      const time = now()
      const context = await contextOf(records, time)
      const outcome = await findApproval(request, context)
      if (!outcome.isApproved) throw notCovered(request)
      const { approval } = outcome
      if (approval === undefined) return []
      if (request.action !== 'revokeKey') options.assertCurrent?.()
      await records.approvals.deleteApproval(approval.id)
      return [useEntry(approval, context.rules, { by, time })]
    },
  }
}

/** The time of a step: as for the action itself, that of a revocation does not wait for a clock. */
export function approvalTime(
  clock: Pick<CheckedClock, 'check' | 'checkOrEstimate'>,
  records: TimeSource,
  action: string,
): Promise<Date> {
  return action === 'revokeKey' ? clock.checkOrEstimate(records) : clock.check(records)
}

/** A request that begins to wait. */
function beginRequest(
  { action, resource, parameters }: ProtectedRequest,
  { requestSha256, protectedActions }: Pick<Approval, 'requestSha256' | 'protectedActions'>,
  {
    by,
    randomId,
    settings,
    time,
  }: ApprovalOptions & { readonly by: Approver; readonly time: Date },
): Approval {
  return {
    id: randomId(),
    action,
    resource,
    parameters,
    requestSha256,
    protectedActions,
    expires: new Date(time.getTime() + settings.lifetimeSeconds * 1000),
    // Its own entry has no index yet; nothing reads it before it has.
    agreed: new Map([[nameCaller(by.caller), -1]]),
    isUsed: false,
  }
}

/** It was used meanwhile, or what else happened makes it another change. */
function notCovered(request: ProtectedRequest): CountersignError {
  const { action, resource } = request
  const message = `no approval covers "${action}" of "${resource}" as it would be done now`
  return new CountersignError('ERR_APPROVAL_REQUIRED', message, {
    hint: 'nothing was changed; send the request again, and let others approve what it does now',
    details: { requestSha256: hashRequest(request) },
  })
}

/** Makes the entry of an approval that is added. */
export function approveEntry(approval: Approval, by: Approver, time: Date): ApprovalEntry {
  return { ...stepEntry(approval, by, time), step: 'approve' }
}

function requestEntry(approval: Approval, by: Approver, time: Date): ApprovalEntry {
  const { expires, protectedActions } = approval
  return { ...stepEntry(approval, by, time), step: 'request', protectedActions, expires }
}

function useEntry(
  approval: Approval,
  { required }: ApprovalRules,
  { by, time }: { readonly by: Approver; readonly time: Date },
): ApprovalEntry {
  const approvals = [...approval.agreed.values()]
  return { ...stepEntry(approval, by, time), step: 'use', required, approvals }
}

function stepEntry(
  { action, id: approvalId, requestSha256, resource }: Approval,
  { caller, requestId }: Approver,
  time: Date,
) {
  const about = { action, resource, approvalId, requestSha256 }
  return { type: 'approval' as const, time, requestId, caller, ...about }
}
