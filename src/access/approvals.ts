/**
 * Changes that one person alone cannot make: a request waits until enough people approved exactly it, and
 * then is done once. The requester counts as the first of them. Which changes those are is decided by what
 * they do to the versions of a key; who approved is read from the log.
 *
 * Every function works on the records of one transaction that holds the lock of the key, so that two people
 * who approve at once are two, and what was approved is done once; and a request that has to wait is an
 * answer, not an error, since an error would undo the transaction that wrote it down.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { CountersignError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../formats/json.ts'
import { type ApprovableAction, actionsOf, type VersionStep } from '../keys/protected-actions.ts'
import type { ApprovalRules } from '../log/entry.ts'
import { type LoggedApproval, nameCaller, readLoggedApproval } from '../log/logged-approval.ts'
import type { LogTree } from '../log/proven-entry.ts'
import type { ApprovalRecords, WaitingRequest } from '../store/store.ts'
import type { AdministrativeAction } from './action.ts'
import type { Caller } from './caller.ts'

/** Which changes need how many people. */
export interface ApprovalSettings {
  /** People in all, the requester included; with one, everything is done at once. */
  readonly required: number
  /** What needs them. */
  readonly actions: readonly ApprovableAction[]
  /** How long a request waits, in seconds. */
  readonly lifetimeSeconds: number
}

/** A request, down to its last parameter. */
export interface ProtectedRequest {
  readonly action: AdministrativeAction
  /** Name of the key. */
  readonly resource: string
  /** Everything else that says what will be done. */
  readonly parameters: JsonObject
  /** What it does to the versions of the key. */
  readonly steps: readonly VersionStep[]
}

/** A request as approvers see it: its entries in the log, with the parameters that the store keeps. */
export interface Approval extends LoggedApproval {
  readonly parameters: JsonObject
}

/** What decides on approvals. */
export interface ApprovalContext {
  readonly records: ApprovalRecords
  readonly log: LogTree
  readonly rules: ApprovalRules
  readonly now: Date
}

/** Whether a request may be done. */
export type ApprovalOutcome =
  /** `used`: the approval that it takes; undefined: it needs none. */
  | { readonly isApproved: true; readonly approval: Approval | undefined }
  /** `approval`: the request that waits; undefined: it does not wait yet. */
  | {
      readonly isApproved: false
      readonly requestSha256: string
      readonly protectedActions: readonly ApprovableAction[]
      readonly approval: Approval | undefined
    }

/** SHA-256, in hex, of a request: equal for equal requests, whatever the order of their members. */
export function hashRequest({
  action,
  resource,
  parameters,
}: Pick<ProtectedRequest, 'action' | 'resource' | 'parameters'> | Approval): string {
  const text = JSON.stringify([action, resource, sortMembers(parameters)])
  return createHash('sha256').update(text).digest('hex')
}

function sortMembers(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sortMembers)
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, sortMembers(member)]))
}

/**
 * Decides whether a request of an allowed caller may be done now; changes nothing.
 */
export async function findApproval(
  request: ProtectedRequest,
  context: ApprovalContext,
): Promise<ApprovalOutcome> {
  const { required, actions } = context.rules
  const protectedActions = [...actionsOf(request.steps)].filter((one) => actions.includes(one))
  if (required <= 1 || protectedActions.length === 0) {
    return { isApproved: true, approval: undefined }
  }
  const requestSha256 = hashRequest(request)
  const rows = (await context.records.approvals(context.now)).filter(
    ({ parameters }) => hashRequest({ ...request, parameters }) === requestSha256,
  )
  const approval = (await listApprovals(rows, context)).find((one) =>
    isFor(one, { requestSha256, protectedActions }),
  )
  return approval !== undefined && approval.agreed.size >= required
    ? { isApproved: true, approval }
    : { isApproved: false, requestSha256, protectedActions, approval }
}

function isFor(
  approval: Approval,
  asked: Pick<Approval, 'requestSha256' | 'protectedActions'>,
): boolean {
  const { protectedActions, requestSha256 } = approval
  const isCovered = asked.protectedActions.every((action) => protectedActions.includes(action))
  return requestSha256 === asked.requestSha256 && isCovered
}

/**
 * Lists those of some requests that can be approved or used. A row that is not the request its log entries are
 * about is left out: what approvers are shown is what they approve. So is one about which the log contradicts
 * itself.
 */
export async function listApprovals(
  rows: readonly WaitingRequest[],
  context: Pick<ApprovalContext, 'log' | 'now'>,
): Promise<readonly Approval[]> {
  const approvals: Approval[] = []
  for (const row of rows) {
    const approval = await readApproval(row, context)
    if (approval !== undefined) approvals.push(approval)
  }
  return approvals
}

/** Finds one request that can be approved or used, as {@link listApprovals}. */
export async function openApproval(
  id: string,
  context: Omit<ApprovalContext, 'rules'>,
): Promise<Approval | undefined> {
  const row = await context.records.findApproval(id)
  return row && readApproval(row, context)
}

async function readApproval(
  { id, parameters }: WaitingRequest,
  { log, now }: Pick<ApprovalContext, 'log' | 'now'>,
): Promise<Approval | undefined> {
  const logged = await readLoggedApproval(log, id).catch(ignoreContradiction)
  if (logged === undefined || logged.isUsed || now >= logged.expires) return undefined
  const approval = { ...logged, parameters }
  return hashRequest(approval) === logged.requestSha256 ? approval : undefined
}

/** `/readyz` reports it; other requests go on, so that a real revocation is never held up. */
function ignoreContradiction(error: unknown): undefined {
  if (!CountersignError.is(error, 'ERR_LOG_PROOF_INVALID')) throw error
}

/**
 * Makes sure that a caller, whom policies allow to `approve` it, can add their approval to a request.
 *
 * @param requestSha256 - the request as its approver saw it
 * @throws {@link CountersignError} ERR_APPROVAL_REQUIRED — no such request waits, its time is over, it is
 * another one than its approver saw, it is approved, or the caller approved it already
 */
export function assertApprovable(
  approval: Approval | undefined,
  { id, requestSha256 }: { readonly id: string; readonly requestSha256: string },
  { caller, rules }: { readonly caller: Caller; readonly rules: ApprovalRules },
): asserts approval is Approval {
  if (approval === undefined) {
    throw refusedApproval(
      id,
      'no such request waits for approval',
      'it is done, or has expired; list those that wait, or send the request again',
    )
  }
  if (approval.requestSha256 !== requestSha256) {
    throw refusedApproval(
      id,
      'the request is another one than you approve',
      'look at it again, and approve what it says now',
    )
  }
  if (approval.agreed.has(nameCaller(caller))) {
    throw refusedApproval(id, 'you approved this request already', 'another person must approve it')
  }
  if (approval.agreed.size >= rules.required) {
    throw refusedApproval(id, 'the request has its approvals', 'its requester can send it again')
  }
}

/** Makes the error of a request that waits: its id, and how many more people it needs. */
export function approvalRequired(
  { id, action, resource, requestSha256, agreed, expires }: LoggedApproval,
  needed: number,
): CountersignError<'ERR_APPROVAL_REQUIRED'> {
  const missing = needed - agreed.size
  const message = `"${action}" of "${resource}" needs ${missing} more of ${needed} approvals (${id})`
  return new CountersignError('ERR_APPROVAL_REQUIRED', message, {
    hint: 'let others look at it and approve it, then send the same request again',
    reason: 'approvals-missing',
    details: { approvalId: id, requestSha256, needed, missing, expires: expires.toISOString() },
  })
}

function refusedApproval(id: string, message: string, hint: string): CountersignError {
  return new CountersignError('ERR_APPROVAL_REQUIRED', message, {
    hint,
    details: { approvalId: id },
  })
}
