/**
 * What AWS KMS, its SDK and the network answer, as errors of countersign. KMS tells its errors apart by name only:
 * ThrottlingException comes with HTTP status 400 and has no class in the SDK, and AccessDeniedException neither, so
 * names are compared and classes never.
 *
 * @packageDocumentation
 */
import { toCancellation } from '../../basics/cancellation.ts'
import { CountersignError, type ErrorDetails } from '../../errors.ts'
import { printableExcerpt } from '../../formats/printable.ts'
import { type Cause, causeDetails } from '../cause.ts'
import type { KmsCall } from './call.ts'
import type { KmsCause, KmsFailure } from './causes/cause.ts'
import { findCause } from './causes/table.ts'

const MAX_MESSAGE_CHARACTERS = 400

/** The members an error of the SDK may have; nothing is certain about a thrown value. */
interface SdkError {
  readonly name?: unknown
  readonly message?: unknown
  readonly code?: unknown
  /** That of a proxy which refused. */
  readonly statusCode?: unknown
  readonly $metadata?: {
    readonly httpStatusCode?: number
    readonly requestId?: string
    readonly clockSkewCorrected?: boolean
  }
}

/** Name of an error thrown by the SDK; empty for anything else. */
export function sdkErrorName(error: unknown): string {
  const { name } = (error ?? {}) as SdkError
  return textOf(name)
}

/** Whether the clock of this machine is wrong, and the SDK has learned by how much: the same request may pass now. */
export function hasCorrectedClock(error: unknown): boolean {
  return ((error ?? {}) as SdkError).$metadata?.clockSkewCorrected === true
}

/**
 * Turns whatever a KMS call threw into a CountersignError that states which call, on which key, why, and
 * what to do. An outage never reads as an invalid signature. CountersignErrors pass unchanged.
 */
export function toKmsError(thrown: unknown, call: KmsCall): CountersignError {
  if (CountersignError.is(thrown)) return thrown
  if (call.signal?.aborted === true) return toCancellation(call.signal)
  const error = (thrown ?? {}) as SdkError
  const failure = toFailure(error)
  const cause = findCause(failure, call)
  const key = call.keyId === undefined ? '' : ` for ${call.keyId}`
  const sts = cause.service === undefined ? '' : ', for AWS STS gives no credentials'
  const message = `AWS KMS ${call.operation}${key} failed${sts}: ${describe(failure, cause)}`
  return new CountersignError(cause.code, message, {
    hint: cause.cure(call),
    details: toDetails(error, cause, call),
    cause: thrown,
  })
}

/** Makes the error of a cause that this side finds. */
export function kmsCauseError(
  cause: Cause<KmsCall>,
  call: KmsCall,
  message: string,
  thrown?: unknown,
): CountersignError {
  return new CountersignError(cause.code, message, {
    hint: cause.cure(call),
    details: { provider: 'awskms', operation: call.operation, ...causeDetails(cause) },
    cause: thrown,
  })
}

function toFailure(error: SdkError): KmsFailure {
  const { statusCode, $metadata } = error
  const status = typeof statusCode === 'number' ? statusCode : ($metadata?.httpStatusCode ?? 0)
  const { name, message, code } = error
  return { name: textOf(name), text: textOf(message), errno: textOf(code), status }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The other side's text is repeated for people to read, and nothing else: bounded, and on one line. */
function describe({ name, text, errno }: KmsFailure, { code, summary }: KmsCause): string {
  // Texts about credentials may quote the signed request, session token included.
  const shown = code === 'ERR_NOT_AUTHENTICATED' ? summary : text || errno
  const known = [name === 'Error' ? '' : name, shown].filter((part) => part !== '')
  return printableExcerpt(known.join(': '), MAX_MESSAGE_CHARACTERS).replace(/\.$/, '')
}

function toDetails(error: SdkError, cause: KmsCause, { operation }: KmsCall): ErrorDetails {
  const name = sdkErrorName(error)
  const requestId = error.$metadata?.requestId
  return {
    provider: 'awskms',
    operation,
    ...causeDetails(cause),
    ...(cause.service && { service: cause.service }),
    ...(name === '' ? {} : { awsErrorName: name }),
    ...(requestId === undefined ? {} : { requestId }),
  }
}
