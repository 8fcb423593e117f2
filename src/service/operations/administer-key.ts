/** Changes to keys that callers ask for: allowed by policies, approved where that is wanted, then done. */
import type { AdministrativeAction } from '../../access/action.ts'
import type { ProtectedRequest } from '../../access/approvals.ts'
import type { Caller } from '../../access/caller.ts'
import { untilCancelled } from '../../basics/cancellation.ts'
import { CountersignError, type ErrorCode } from '../../errors.ts'
import type { JsonObject, JsonValue } from '../../formats/json.ts'
import type { KeyVersion } from '../../keys/key.ts'
import { describeStep, type VersionStep } from '../../keys/protected-actions.ts'
import { toBackendFault } from '../../providers/backend-fault.ts'
import type { BackendOutcome } from '../../rotation/backend.ts'
import type { Operator } from '../../rotation/context.ts'
import { createVersion, importStandby } from '../../rotation/new-version.ts'
import type { Operation } from '../../rotation/operation.ts'
import {
  type Preview,
  previewCancellation,
  previewCreation,
  previewImport,
  previewRelocation,
  previewRotation,
  previewTransition,
} from '../../rotation/preview.ts'
import { cancelDestruction, rotate, transition } from '../../rotation/key-changes.ts'
import { type RelocationRequest, relocateVersion } from '../../rotation/relocation.ts'
import type { ServiceContext } from '../context.ts'
import { findKey } from './find-key.ts'
import { describeVersion, type VersionView } from './describe-key.ts'

/** What can be asked of a key. */
export type KeyCommand =
  | Exclude<Operation, { readonly action: 'publish' | 'destroy' }>
  | { readonly action: 'destroy'; readonly version: number; readonly cancel?: boolean | undefined }
  | { readonly action: 'create'; readonly isPublished: boolean }
  | { readonly action: 'import'; readonly uri: string }
  | ({ readonly action: 'relocate' } & RelocationRequest)
  | { readonly action: 'rotate'; readonly force?: boolean | undefined }

/** Who asks, and how. */
export interface KeyRequest {
  readonly caller: Caller
  readonly requestId: string
  readonly reason: string | undefined
  readonly dryRun: boolean
}

/** What was done, or would be. */
export interface KeyAnswer {
  readonly key: string
  readonly dryRun: boolean
  /** Versions that changed, as they are now. */
  readonly changed?: readonly VersionView[]
  /** Of the publication that shows it. */
  readonly sequence?: number
  readonly backend?: BackendAnswer | undefined
  readonly plan?:
    (Omit<Preview, 'refusal' | 'steps'> & { readonly refusal: Refusal | undefined }) | undefined
}

/** What was tried in the backend. */
export interface BackendAnswer extends Omit<BackendOutcome, 'error'> {
  readonly error: Refusal | undefined
}

/** Why something is not done. */
export interface Refusal {
  readonly code: string
  readonly detail: string
  readonly hint: string | undefined
}

/** What {@link administerKey} needs of the service. */
export type AdministrationContext = Pick<
  ServiceContext,
  'approvals' | 'authorize' | 'keyring' | 'publications' | 'rotation'
>

/**
 * Does what a caller asks of a key, or says what that would do; a plan needs the permission of the act,
 * and no approvals.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND, ERR_NOT_ALLOWED, ERR_APPROVAL_REQUIRED; and what the
 * change throws
 */
export async function administerKey(
  context: AdministrationContext,
  name: string,
  command: KeyCommand,
  request: KeyRequest,
): Promise<KeyAnswer> {
  const key = findKey(context.keyring, name)
  const isForced = 'force' in command && command.force === true
  const { caller, requestId, reason, dryRun } = request
  const action: AdministrativeAction = `${command.action}Key`
  await context.authorize(caller, { action, key, isForced }, requestId)
  const by: Operator = { caller: toEntryCaller(caller), requestId, reason }
  const plan = await onBackend(() => preview(context, name, command, by))
  if (dryRun) return { key: name, dryRun, plan: toPlan(plan) }
  // Else a key pair would be made first, and the scheduler would take it in.
  if (plan.refusal !== undefined && plan.steps.length === 0 && !isForLater(command, plan.refusal)) {
    throw plan.refusal
  }
  const requestOf = (steps: readonly VersionStep[]): ProtectedRequest => ({
    action,
    resource: name,
    parameters: toParameters({ ...command, reason }, steps),
    steps,
  })
  // Before a key pair is made: what has to wait leaves nothing behind.
  await context.approvals.assertApproved(requestOf(plan.steps), request)
  const consent = context.approvals.consentTo(requestOf, request)
  const done = await onBackend(() => perform(context, name, command, { ...by, consent }))
  await showChange(context)
  return { key: name, dryRun, ...done }
}

/** A rotation that is too early is refused, and noted for the scheduler. */
function isForLater({ action }: KeyCommand, { code }: CountersignError): boolean {
  return action === 'rotate' && code === 'ERR_TRANSITION_TOO_EARLY'
}

/** What a backend says of the service's own login, rights and quota, and not of what was asked for. */
const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_NOT_AUTHENTICATED',
  'ERR_NOT_ALLOWED',
  'ERR_THROTTLED',
  'ERR_KEY_NOT_USABLE',
])

/** Past the policies and approvals, only a backend refuses anything in these codes. */
async function onBackend<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const isOwn = CountersignError.is(error) && OWN_FAULTS.has(error.code)
    throw isOwn ? toBackendFault(error, 'the backend refuses') : error
  }
}

/** Longest that an answer waits for the trust key: what was asked for is done, whatever its backend does. */
const MAX_PUBLICATION_MS = 1000

/** The next request to this replica sees the change, in the signed history too. */
async function showChange({ keyring, publications }: AdministrationContext): Promise<void> {
  await keyring.refresh()
  const limit = AbortSignal.timeout(MAX_PUBLICATION_MS)
  await untilCancelled(publications.settled(), limit).catch(() => undefined)
}

/** What approvers approve: whatever a command says, why, and what that does. */
function toParameters(
  command: KeyCommand & { readonly reason: string | undefined },
  steps: readonly VersionStep[],
): JsonObject {
  const parameters: Record<string, JsonValue> = { does: steps.map(describeStep) }
  for (const [name, value] of Object.entries(command) as [string, unknown][]) {
    if (value instanceof Date) parameters[name] = value.toISOString()
    else if (typeof value === 'string' || typeof value === 'number') parameters[name] = value
    else if (typeof value === 'boolean') parameters[name] = value
  }
  return parameters
}

function toEntryCaller({ issuer, subject, claims }: Caller): NonNullable<Operator['caller']> {
  return { issuer, subject, claims }
}

function preview(
  { rotation }: AdministrationContext,
  name: string,
  command: KeyCommand,
  by: Operator,
): Promise<Preview> {
  switch (command.action) {
    case 'create':
      return previewCreation(rotation, name, command.isPublished)
    case 'import':
      return previewImport(rotation, name, command.uri)
    case 'relocate':
      return previewRelocation(rotation, name, command)
    case 'rotate':
      return previewRotation(rotation, name, command, by)
    case 'destroy':
      return command.cancel === true
        ? previewCancellation(rotation, name, command.version)
        : previewTransition(rotation, name, command, by)
    case 'activate':
    case 'retire':
    case 'revoke':
      return previewTransition(rotation, name, command, by)
  }
}

async function perform(
  { rotation }: AdministrationContext,
  name: string,
  command: KeyCommand,
  by: Operator,
): Promise<Pick<KeyAnswer, 'changed' | 'sequence' | 'backend'>> {
  switch (command.action) {
    case 'create':
      return toDone(await createVersion(rotation, name, by, command.isPublished))
    case 'import':
      return toDone(await importStandby(rotation, name, command.uri, by))
    case 'relocate':
      return toDone(await relocateVersion(rotation, name, command, by))
    case 'rotate':
      return toDone(await rotate(rotation, name, command, by))
    case 'destroy':
      if (command.cancel === true) {
        return { backend: toBackend(await cancelDestruction(rotation, name, command.version, by)) }
      }
      return toDone(await transition(rotation, name, command, by))
    case 'activate':
    case 'retire':
    case 'revoke':
      return toDone(await transition(rotation, name, command, by))
  }
}

function toDone(done: {
  readonly changed: readonly KeyVersion[]
  readonly sequence: number
  readonly backend?: BackendOutcome | undefined
}): Pick<KeyAnswer, 'changed' | 'sequence' | 'backend'> {
  return {
    changed: done.changed.map(describeVersion),
    sequence: done.sequence,
    backend: done.backend && toBackend(done.backend),
  }
}

function toBackend({ error, ...outcome }: BackendOutcome): BackendAnswer {
  return { ...outcome, error: error && toRefusal(error) }
}

function toPlan({ key, changes, rotation, revocation, refusal }: Preview): KeyAnswer['plan'] {
  return { key, changes, rotation, revocation, refusal: refusal && toRefusal(refusal) }
}

function toRefusal({ code, message, hint }: CountersignError): Refusal {
  return { code, detail: message, hint }
}
