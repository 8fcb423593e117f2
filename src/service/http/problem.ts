/**
 * Failures as callers see them: problem documents (RFC 9457). Nothing internal leaves the service; what
 * went wrong inside is in its log, under the same request id.
 *
 * @packageDocumentation
 */
import {
  CountersignError,
  ERROR_TRAITS,
  type ErrorCode,
  type ErrorDetails,
  type ErrorReason,
  toCountersignError,
} from '../../errors.ts'

/** A problem document. */
export interface Problem {
  /** Names the kind of problem, one for each code. */
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ErrorCode
  readonly detail: string
  readonly hint?: string
  /** Stable name of the cause, where the code alone is too wide. */
  readonly reason?: ErrorReason
  /** JSON Pointer to the member of the request that is wrong. */
  readonly path?: string
  /** What others have to approve: send `requestSha256` to `/v1/approvals/{id}`. */
  readonly approval?: ErrorDetails
  /** Of a token that is not accepted: what it must say, and what it says. */
  readonly expected?: string
  readonly actual?: string
  readonly requestId: string
  /** Whether the same request may succeed later. */
  readonly retryable: boolean
}

/** Media type of problem documents. */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

const UNPROCESSABLE = 422
/** Where what failed does not know better. */
const USUAL_RETRY_SECONDS = 5
/** Of what passes as soon as other requests end. */
const SOON: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_OVERLOADED',
  'ERR_THROTTLED',
  'ERR_STATE_CONFLICT',
])
const LONGEST_RETRY_SECONDS = 3600

/** Makes the problem document of anything that was thrown. */
export function toProblem(thrown: unknown, requestId: string): Problem {
  const error = toRequestError(thrown)
  const { code, retryable } = error
  const status = statusOf(error)
  const path = error.details['path']
  const about = status >= 500 ? internalText(code, retryable) : error
  return {
    type: `urn:countersign:error:${code}`,
    title: titleOf(code),
    status,
    code,
    detail: about.message,
    ...hintOf(about.hint ?? HINTS[code]),
    // What is wrong inside is for the operator.
    ...(error.reason !== undefined && status < 500 && { reason: error.reason }),
    ...(typeof path === 'string' && code === 'ERR_REQUEST_INVALID' ? { path } : {}),
    ...(code === 'ERR_APPROVAL_REQUIRED' ? { approval: error.details } : {}),
    ...comparisonOf(error),
    requestId,
    retryable,
  }
}

/** What to do about errors whose places know nothing of HTTP. */
const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  ERR_JSON_INVALID: 'send one JSON text in UTF-8 that names no member twice (RFC 8259)',
  ERR_INPUT_TOO_LARGE:
    'send less in one request; the operator of the service sets serve.maxBodyBytes',
  ERR_STATEMENT_INVALID: 'name each subject once, by its own digest',
}

function hintOf(hint: string | undefined): Pick<Problem, 'hint'> {
  return hint === undefined ? {} : { hint }
}

/** Unauthenticated clients must not learn which issuers are accepted. */
function comparisonOf({ code, details }: CountersignError): Pick<Problem, 'expected' | 'actual'> {
  const { claim, expected, actual } = details
  if (code !== 'ERR_NOT_AUTHENTICATED' || claim === 'iss') return {}
  return {
    ...(typeof expected === 'string' && { expected }),
    ...(typeof actual === 'string' && { actual }),
  }
}

/** Whole seconds to wait before a retry, for the header of that name; undefined where no retry helps. */
export function retryAfterSeconds(thrown: unknown): number | undefined {
  const { code, retryable, retryAfterSeconds: known } = toRequestError(thrown)
  if (!retryable) return undefined
  const seconds = known ?? (SOON.has(code) ? 1 : USUAL_RETRY_SECONDS)
  // Never 0: a client that is not patient would come back at once.
  return Math.min(LONGEST_RETRY_SECONDS, Math.max(1, Math.ceil(seconds)))
}

/** What a caller learns about a failure on our side: neither hosts nor paths nor names of backends. */
function internalText(code: ErrorCode, retryable: boolean): { message: string; hint: string } {
  return {
    message: `the service could not do this: ${titleOf(code).toLowerCase()}`,
    hint: retryable
      ? 'try again; if that fails, report the request id to the operator of the service'
      : 'report the request id to the operator of the service: its log has the details',
  }
}

/** `ERR_KEY_NOT_FOUND` is "Key not found": the codes are made to be read. */
function titleOf(code: ErrorCode): string {
  const words = code.slice('ERR_'.length).toLowerCase().replaceAll('_', ' ')
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`
}

/** Codes of which the error itself may say the status. */
const OWN_STATUS: ReadonlySet<ErrorCode> = new Set([
  'ERR_REQUEST_INVALID',
  'ERR_TIMEOUT',
  'ERR_ROUTE_NOT_FOUND',
])

/** The HTTP status of an error that ends a request. */
function statusOf({ code, details }: CountersignError): number {
  const { status } = details
  const hasOwn = OWN_STATUS.has(code)
  if (hasOwn && typeof status === 'number') return status
  const { http } = ERROR_TRAITS[code]
  // A verdict is an answer where one was asked for; elsewhere the request can't be carried out.
  return http === 200 ? UNPROCESSABLE : http
}

/** Gives what fastify throws at a request our codes. */
function toRequestError(thrown: unknown): CountersignError {
  if (CountersignError.is(thrown) || !(thrown instanceof Error)) return toCountersignError(thrown)
  const fastifyCode = 'code' in thrown ? String(thrown.code) : ''
  if (fastifyCode === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new CountersignError('ERR_INPUT_TOO_LARGE', 'the body is larger than the service takes')
  }
  const status = 'statusCode' in thrown ? Number(thrown.statusCode) : 500
  if (status < 400 || status > 499) return toCountersignError(thrown)
  const message = REASONS[fastifyCode] ?? 'this is no request the service understands'
  return new CountersignError('ERR_REQUEST_INVALID', message, {
    hint: 'see /openapi.json for what the service takes',
    details: { status },
    cause: thrown,
  })
}

const REASONS: Readonly<Partial<Record<string, string>>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'the body is not of a media type this route takes',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body is not as long as content-length says',
  FST_ERR_BAD_URL: 'the path is not valid percent-encoding',
}
