/**
 * Actions that one person alone can't do: a request waits until enough people approved exactly it, and then
 * is done once. Whoever requests it counts as the first of them.
 *
 * Every function works on the records of one transaction that nobody else has open for the same key, so
 * that two people who approve at once are two, and what was approved is done once;
 * and a request that has to wait is an answer, not an error, since an error would undo the transaction that
 * wrote it down.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { CountersignError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../formats/json.ts'
import type { ApprovalRecords, ApprovalRequest } from '../store/store.ts'
import type { AdministrativeAction } from './action.ts'
import type { Caller } from './caller.ts'

/** Which actions need how many people. */
export interface ApprovalSettings {
  /** People in all, who requests it included; with one, everything is done at once. */
  readonly required: number
  /** Actions that need them. */
  readonly actions: readonly ApprovableAction[]
  /** How long a request waits, in seconds. */
  readonly lifetimeSeconds: number
}

/** An action that can need approval; `forceActivateKey`: an activation that overrides a rule of rotation. */
export type ApprovableAction = AdministrativeAction | 'forceActivateKey'

/** A request, down to its last parameter. */
export interface ProtectedRequest {
  readonly action: AdministrativeAction
  readonly isForced: boolean
  /** Name of the key. */
  readonly resource: string
  /** Everything else that says what will be done. */
  readonly parameters: JsonObject
}

/** Who asks, and when. */
export interface ApprovalContext {
  readonly records: ApprovalRecords
  readonly settings: ApprovalSettings
  readonly caller: Caller
  readonly now: Date
}

/** Whether a request may be done now. */
export type ApprovalOutcome =
  | { readonly isApproved: true; readonly used: ApprovalRequest | undefined }
  | {
      readonly isApproved: false
      readonly request: ApprovalRequest
      readonly needed: number
      /** Whether it begins to wait with this. */
      readonly isNew: boolean
    }

/** SHA-256, in hex, of a request: equal for equal requests, whatever the order of their members. */
export function hashRequest(request: ProtectedRequest): string {
  const { action, isForced, resource, parameters } = request
  const text = JSON.stringify([action, isForced, resource, sortMembers(parameters)])
  return createHash('sha256').update(text).digest('hex')
}

function sortMembers(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sortMembers)
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, sortMembers(member)]))
}

/**
 * Answers whether a request of an allowed caller may be done now. One that has its approvals is taken
 * out, so that it is done once; another is written down to wait, or goes on waiting. The caller of the
 * answer throws {@link approvalRequired} after the transaction.
 *
 * @param newId - makes the id of a request that begins to wait
 */
export async function claimApproval(
  protectedRequest: ProtectedRequest,
  context: ApprovalContext,
  newId: () => string,
): Promise<ApprovalOutcome> {
  const { records, settings, caller, now } = context
  const needed = countNeeded(protectedRequest, settings)
  if (needed <= 1) return { isApproved: true, used: undefined }
  const requestSha256 = hashRequest(protectedRequest)
  const waiting = (await records.approvals(now)).find(
    (one) => one.requestSha256 === requestSha256 && isOpen(one, now),
  )
  if (waiting !== undefined && countPeople(waiting) >= needed) {
    await records.deleteApproval(waiting.id)
    return { isApproved: true, used: waiting }
  }
  const request = waiting ?? {
    id: newId(),
    action: protectedRequest.action,
    resource: protectedRequest.resource,
    requestSha256,
    parameters: protectedRequest.parameters,
    approvers: [nameOf(caller)],
    expires: new Date(now.getTime() + settings.lifetimeSeconds * 1000),
  }
  if (waiting === undefined) await records.putApproval(request)
  return { isApproved: false, request, needed, isNew: waiting === undefined }
}

/**
 * Adds the approval of a caller whom policies allow to `approve` the action on the key.
 *
 * @param requestSha256 - the request as its approver saw it
 * @returns the request with the approval
 * @throws {@link CountersignError} ERR_APPROVAL_REQUIRED — no such request waits, its time is over, it is
 * another one than its approver saw, or the caller approved it already
 */
export async function approve(
  { id, requestSha256 }: Pick<ApprovalRequest, 'id' | 'requestSha256'>,
  { records, caller, now }: Omit<ApprovalContext, 'settings'>,
): Promise<ApprovalRequest> {
  const request = await records.findApproval(id)
  if (request === undefined || !isOpen(request, now)) {
    throw refusedApproval(
      id,
      'no such request waits for approval',
      'it is done, or its time is over; list those that wait, or send the request again',
    )
  }
  if (request.requestSha256 !== requestSha256) {
    throw refusedApproval(
      id,
      'the request is another one than you approve',
      'look at it again, and approve what it says now',
    )
  }
  const name = nameOf(caller)
  if (request.approvers.includes(name)) {
    throw refusedApproval(id, 'you approved this request already', 'somebody else must approve it')
  }
  const approved = { ...request, approvers: [...request.approvers, name] }
  await records.putApproval(approved)
  return approved
}

/** Makes the error of a request that waits: its id, and how many more people it needs. */
export function approvalRequired({
  request,
  needed,
}: Extract<ApprovalOutcome, { isApproved: false }>): CountersignError<'ERR_APPROVAL_REQUIRED'> {
  const { id, action, resource, requestSha256, expires } = request
  const missing = needed - countPeople(request)
  const message = `"${action}" of "${resource}" needs ${missing} more of ${needed} approvals (${id})`
  return new CountersignError('ERR_APPROVAL_REQUIRED', message, {
    hint: `let others look at it and approve it (countersign key approve ${id} --request ${requestSha256}), then send the same request again`,
    details: { approvalId: id, requestSha256, needed, missing, expires: expires.toISOString() },
  })
}

function refusedApproval(id: string, message: string, hint: string): CountersignError {
  return new CountersignError('ERR_APPROVAL_REQUIRED', message, {
    hint,
    details: { approvalId: id },
  })
}

function countNeeded(
  { action, isForced }: ProtectedRequest,
  { required, actions }: ApprovalSettings,
): number {
  const isForcedActivation = isForced && action === 'activateKey'
  const isListed = actions.includes(action)
  return isListed || (isForcedActivation && actions.includes('forceActivateKey')) ? required : 1
}

/** A person is an issuer and a subject; an issuer's address has no blank in it. */
function nameOf({ issuer, subject }: Caller): string {
  return `${issuer} ${subject}`
}

function countPeople({ approvers }: ApprovalRequest): number {
  return new Set(approvers).size
}

function isOpen({ expires }: ApprovalRequest, now: Date): boolean {
  return expires > now
}
