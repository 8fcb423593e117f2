/**
 * What Google's APIs refuse, in countersign's codes: by the status of the error (google.rpc.Code), its reason
 * (google.rpc.ErrorInfo) and its text, in the order of one table.
 *
 * @packageDocumentation
 */
import type { ExchangeAnswer } from '../../client/exchange.ts'
import type { RejectedAnswer } from '../../client/repeated-exchange.ts'
import { CountersignError, type ErrorCode } from '../../errors.ts'
import { isJsonObject, type JsonValue, parseJson } from '../../formats/json.ts'
import { printableExcerpt } from '../../formats/printable.ts'

/** One call, as far as an error about it needs to know. */
export interface GcpCall {
  /** Name of the method in the API: `asymmetricSign`. */
  readonly operation: string
  /** Name of the resource. */
  readonly name: string
}

interface GcpError {
  /** Name of a google.rpc.Code; empty where the answer is not Google's. */
  readonly status: string
  readonly reason: string
  readonly text: string
}

interface Cause {
  readonly status: readonly string[]
  readonly reason?: string
  readonly text?: RegExp
  readonly code: ErrorCode
  readonly hint: (call: GcpCall, error: GcpError) => string
  readonly isBrief?: boolean
}

const CAUSES: readonly Cause[] = [
  {
    status: ['UNAUTHENTICATED'],
    code: 'ERR_NOT_AUTHENTICATED',
    hint: () => 'get new credentials: gcloud auth application-default login',
  },
  {
    status: ['PERMISSION_DENIED'],
    reason: 'SERVICE_DISABLED',
    code: 'ERR_NOT_ALLOWED',
    hint: ({ name }) =>
      `enable the API in the project ${partOf(name, 'projects')}: gcloud services enable cloudkms.googleapis.com`,
  },
  {
    status: ['PERMISSION_DENIED', 'FAILED_PRECONDITION'],
    reason: 'BILLING_DISABLED',
    code: 'ERR_NOT_ALLOWED',
    hint: ({ name }) => `enable billing for the project ${partOf(name, 'projects')}`,
  },
  {
    status: ['PERMISSION_DENIED'],
    reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
    code: 'ERR_NOT_ALLOWED',
    hint: () => 'give the credentials the scope https://www.googleapis.com/auth/cloudkms',
  },
  {
    status: ['PERMISSION_DENIED'],
    reason: 'SECURITY_POLICY_VIOLATED',
    code: 'ERR_NOT_ALLOWED',
    hint: () =>
      'a perimeter of VPC Service Controls refuses the call: allow it there, or call from inside',
  },
  {
    status: ['PERMISSION_DENIED'],
    code: 'ERR_NOT_ALLOWED',
    hint: (call, { text }) =>
      `allow it (a resource that does not exist is refused the same way): ${bindingFor(call, text)}`,
  },
  {
    status: ['NOT_FOUND'],
    code: 'ERR_KEY_NOT_FOUND',
    hint: ({ name }) =>
      `check the spelling: ${gcloudKms('keys list', name, { keyring: 'keyRings' })}`,
  },
  {
    status: ['FAILED_PRECONDITION'],
    code: 'ERR_KEY_NOT_USABLE',
    hint: ({ name }) => `see the state of the version: ${versionCommand('describe', name)}`,
  },
  {
    status: ['ALREADY_EXISTS'],
    code: 'ERR_KEY_EXISTS',
    hint: () => 'choose another name, or use the key that has it',
  },
  {
    status: ['RESOURCE_EXHAUSTED'],
    code: 'ERR_THROTTLED',
    hint: () =>
      'try again later, or raise the quota of cryptographic requests of the project and location',
    isBrief: true,
  },
  {
    status: ['UNAVAILABLE', 'INTERNAL', 'DEADLINE_EXCEEDED', 'ABORTED', 'UNKNOWN'],
    code: 'ERR_PROVIDER_UNAVAILABLE',
    hint: () => 'try again; see https://status.cloud.google.com',
    isBrief: true,
  },
  {
    status: ['INVALID_ARGUMENT'],
    text: /is not (?:a )?(?:supported|valid) (?:crypto key version )?algorithm|not supported/i,
    code: 'ERR_ALGORITHM_UNSUPPORTED',
    hint: () => 'choose another algorithm, protection or location',
  },
]

const OTHER: Cause = {
  status: [],
  code: 'ERR_PROVIDER_FAULT',
  hint: () => 'check that the endpoint is Google Cloud KMS',
}

/** Roles that have a permission and little else. */
const ROLES: Readonly<Record<string, string>> = {
  'cloudkms.cryptoKeyVersions.useToSign': 'roles/cloudkms.signer',
  'cloudkms.cryptoKeyVersions.viewPublicKey': 'roles/cloudkms.publicKeyViewer',
  'cloudkms.cryptoKeyVersions.get': 'roles/cloudkms.viewer',
  'cloudkms.cryptoKeyVersions.list': 'roles/cloudkms.viewer',
  'cloudkms.cryptoKeys.get': 'roles/cloudkms.viewer',
}

/** Judges an answer; undefined: it is a success. */
export function rejectGcpAnswer(answer: ExchangeAnswer, call: GcpCall): RejectedAnswer | undefined {
  if (answer.status === 200) return undefined
  const found = readGcpError(answer.body)
  const cause = causeOf(found, answer.status)
  const retryAfter = answer.headers.get('retry-after') ?? undefined
  return {
    error: toGcpError(found, call, answer.status),
    isBrief: cause.isBrief === true,
    retryAfter,
  }
}

function toGcpError(found: GcpError, call: GcpCall, status: number): CountersignError {
  const { code, hint } = causeOf(found, status)
  const why = found.text === '' ? `status ${status}` : found.text
  const { operation, name } = call
  const message = `Google Cloud KMS ${operation} of ${name} failed: ${why}`
  return new CountersignError(code, message, {
    hint: hint(call, found),
    details: {
      provider: 'gcpkms',
      operation,
      status,
      ...(found.status !== '' && { gcpStatus: found.status }),
      ...(found.reason !== '' && { gcpReason: found.reason }),
    },
  })
}

function causeOf({ status, reason, text }: GcpError, httpStatus: number): Cause {
  const known = status === '' ? byHttpStatus(httpStatus) : status
  const found = CAUSES.find(
    (cause) =>
      cause.status.includes(known) &&
      (cause.reason === undefined || cause.reason === reason) &&
      (cause.text === undefined || cause.text.test(text)),
  )
  return found ?? OTHER
}

/** What stands before Google may answer in its place, with no more than a status. */
function byHttpStatus(status: number): string {
  if (status === 429) return 'RESOURCE_EXHAUSTED'
  return status >= 500 ? 'UNAVAILABLE' : ''
}

function readGcpError(body: Uint8Array): GcpError {
  const error = errorMember(body)
  if (!isJsonObject(error)) return { status: '', reason: '', text: '' }
  const details = Array.isArray(error['details']) ? error['details'] : []
  const reasons = details.flatMap((detail: JsonValue) =>
    isJsonObject(detail) && typeof detail['reason'] === 'string' ? [detail['reason']] : [],
  )
  return {
    status: textOf(error['status']),
    reason: reasons[0] ?? '',
    text: printableExcerpt(textOf(error['message']), 300).replace(/\.$/, ''),
  }
}

function errorMember(body: Uint8Array): JsonValue | undefined {
  try {
    const value = parseJson(body)
    return isJsonObject(value) ? value['error'] : undefined
  } catch (error) {
    if (CountersignError.is(error)) return undefined
    throw error
  }
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function bindingFor({ name }: GcpCall, text: string): string {
  const [permission = ''] = /cloudkms\.[A-Za-z]+\.[A-Za-z]+/.exec(text) ?? []
  const role = ROLES[permission] ?? 'roles/cloudkms.admin'
  const key = partOf(name, 'cryptoKeys')
  const ring = partOf(name, 'keyRings')
  const isRing = key === 'cryptoKeys'
  const command = isRing
    ? gcloudKms(`keyrings add-iam-policy-binding ${ring}`, name)
    : gcloudKms(`keys add-iam-policy-binding ${key}`, name, { keyring: 'keyRings' })
  return `${command} with the role ${role} and the member`
}

/** A command of gcloud about a version. */
export function versionCommand(verb: string, name: string): string {
  const version = partOf(name, 'cryptoKeyVersions')
  const options = { key: 'cryptoKeys', keyring: 'keyRings' }
  return gcloudKms(`keys versions ${verb} ${version}`, name, options)
}

/** Writes a command of gcloud; `options` names the collection of the resource that each takes its value from. */
function gcloudKms(
  command: string,
  name: string,
  options: Readonly<Record<string, string>> = {},
): string {
  const all = { ...options, location: 'locations', project: 'projects' }
  const words = Object.entries(all).map(([option, of]) => `--${option} ${partOf(name, of)}`)
  return `gcloud kms ${command} ${words.join(' ')}`
}

/** The segment behind a collection; the name of the collection where it is absent. */
function partOf(name: string, collection: string): string {
  const [, part = collection] = new RegExp(`(?:^|/)${collection}/([^/:]+)`).exec(name) ?? []
  return part
}
