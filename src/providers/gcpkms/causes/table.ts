/** All causes of Google Cloud KMS, in the order in which they are tried. */
import type { Cause } from '../../cause.ts'
import { bindingFor, gcloudKms, type GcpCall, partOf, versionCommand } from './commands.ts'

/** One cause of a refused call. */
export interface GcpCause extends Cause<GcpCall> {
  /** Names of google.rpc.Code. */
  readonly statuses: readonly string[]
  /** The reason of a google.rpc.ErrorInfo that the answer must have. */
  readonly reason?: string
  /** Whether the same call is likely to succeed in a moment. */
  readonly isBrief?: boolean
}

const ERRORS = 'https://cloud.google.com/apis/design/errors'
const ROLES = 'https://cloud.google.com/kms/docs/reference/permissions-and-roles'
const STATES = 'https://cloud.google.com/kms/docs/key-states'

const CAUSES: readonly GcpCause[] = [
  {
    id: 'credentials-refused',
    layer: 'credentials',
    summary: 'the access token is not valid, or has ended',
    code: 'ERR_NOT_AUTHENTICATED',
    source: ERRORS,
    statuses: ['UNAUTHENTICATED'],
    cure: () => 'get new credentials: gcloud auth application-default login',
  },
  {
    id: 'api-disabled',
    layer: 'project',
    summary: 'the API is not enabled in the project',
    code: 'ERR_NOT_ALLOWED',
    source: ERRORS,
    statuses: ['PERMISSION_DENIED'],
    reason: 'SERVICE_DISABLED',
    cure: ({ name }) =>
      `enable it in the project ${partOf(name, 'projects')}: gcloud services enable cloudkms.googleapis.com`,
  },
  {
    id: 'billing-disabled',
    layer: 'project',
    summary: 'the project has no billing account',
    code: 'ERR_NOT_ALLOWED',
    source: ERRORS,
    statuses: ['PERMISSION_DENIED', 'FAILED_PRECONDITION'],
    reason: 'BILLING_DISABLED',
    cure: ({ name }) => `enable billing for the project ${partOf(name, 'projects')}`,
  },
  {
    id: 'scope-insufficient',
    layer: 'credentials',
    summary: 'the access token lacks the scope of Cloud KMS',
    code: 'ERR_NOT_ALLOWED',
    source: ERRORS,
    statuses: ['PERMISSION_DENIED'],
    reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
    cure: () => 'give the machine the scope https://www.googleapis.com/auth/cloudkms',
  },
  {
    id: 'service-perimeter',
    layer: 'VPC Service Controls',
    summary: 'a service perimeter refuses the call',
    code: 'ERR_NOT_ALLOWED',
    source: ERRORS,
    statuses: ['PERMISSION_DENIED'],
    reason: 'SECURITY_POLICY_VIOLATED',
    cure: () => 'let the perimeter admit the caller, or call from inside of it',
  },
  {
    id: 'permission',
    layer: 'IAM policy',
    summary:
      'no role of the caller has the permission (a resource that does not exist is refused the same way)',
    code: 'ERR_NOT_ALLOWED',
    source: ROLES,
    statuses: ['PERMISSION_DENIED'],
    cure: (call) => bindingFor(call),
  },
  {
    id: 'key-missing',
    layer: 'key',
    summary: 'the key or its version does not exist',
    code: 'ERR_KEY_NOT_FOUND',
    source: ERRORS,
    statuses: ['NOT_FOUND'],
    cure: ({ name }) =>
      `check the spelling: ${gcloudKms('keys list', name, { keyring: 'keyRings' })}`,
  },
  {
    id: 'version-state',
    layer: 'key version',
    summary: 'the state of the version does not allow the call',
    code: 'ERR_KEY_NOT_USABLE',
    source: STATES,
    statuses: ['FAILED_PRECONDITION'],
    cure: ({ name }) => `see its state: ${versionCommand('describe', name)}`,
  },
  {
    id: 'key-exists',
    layer: 'key',
    summary: 'a key of that name exists',
    code: 'ERR_KEY_EXISTS',
    source: ERRORS,
    statuses: ['ALREADY_EXISTS'],
    cure: () => 'choose another name, or use the key that has it',
  },
  {
    id: 'quota',
    layer: 'quota',
    summary: 'the quota is used up',
    code: 'ERR_THROTTLED',
    source: 'https://cloud.google.com/kms/quotas',
    statuses: ['RESOURCE_EXHAUSTED'],
    isBrief: true,
    cure: () =>
      'try again later, or raise the quota of cryptographic requests of the project and location',
  },
  {
    id: 'service-unavailable',
    layer: 'Google Cloud',
    summary: 'Cloud KMS does not answer now',
    code: 'ERR_PROVIDER_UNAVAILABLE',
    source: ERRORS,
    statuses: ['UNAVAILABLE', 'INTERNAL', 'DEADLINE_EXCEEDED', 'ABORTED', 'UNKNOWN'],
    isBrief: true,
    cure: () => 'try again; see https://status.cloud.google.com',
  },
]

const UNKNOWN: GcpCause = {
  id: 'unknown-answer',
  layer: 'endpoint',
  summary: 'the answer is not one that countersign knows',
  code: 'ERR_PROVIDER_FAULT',
  source: ERRORS,
  statuses: [],
  cure: () => 'check that the endpoint is Google Cloud KMS',
}

/** Every cause of Google Cloud KMS. */
export const GCP_CAUSES: readonly GcpCause[] = [...CAUSES, UNKNOWN]

/** Finds the cause of an error. */
export function findGcpCause(status: string, reason: string): GcpCause {
  const found = CAUSES.find(
    (cause) =>
      cause.statuses.includes(status) && (cause.reason === undefined || cause.reason === reason),
  )
  return found ?? UNKNOWN
}
