/**
 * What Google's APIs refuse, as errors that name the cause: by the status of the answer (google.rpc.Code) and its reason
 * (google.rpc.ErrorInfo).
 *
 * @packageDocumentation
 */
import type { ExchangeAnswer } from '../../client/exchange.ts'
import type { RejectedAnswer } from '../../client/repeated-exchange.ts'
import { CountersignError } from '../../errors.ts'
import { isJsonObject, type JsonValue, parseJson } from '../../formats/json.ts'
import { printableExcerpt } from '../../formats/printable.ts'
import { causeDetails } from '../cause.ts'
import type { GcpCall } from './causes/commands.ts'
import { findGcpCause, type GcpCause } from './causes/table.ts'

interface GcpError {
  /** Name of a google.rpc.Code; empty where the answer is not Google's. */
  readonly status: string
  readonly reason: string
  readonly text: string
}

/** Judges an answer; undefined: it is a success. */
export function rejectGcpAnswer(answer: ExchangeAnswer, call: GcpCall): RejectedAnswer | undefined {
  if (answer.status === 200) return undefined
  const found = readGcpError(answer.body)
  const status = found.status === '' ? byHttpStatus(answer.status) : found.status
  const cause = findGcpCause(status, found.reason)
  return {
    error: toGcpError(cause, call, { ...found, text: found.text || `status ${answer.status}` }),
    isBrief: cause.isBrief === true,
    retryAfter: answer.headers.get('retry-after') ?? undefined,
  }
}

function toGcpError(cause: GcpCause, call: GcpCall, found: GcpError): CountersignError {
  const { operation, name } = call
  const { status, reason, text } = found
  const message = `Google Cloud KMS ${operation} of ${name}: ${cause.summary} (${text})`
  return new CountersignError(cause.code, message, {
    hint: cause.cure(call),
    details: {
      provider: 'gcpkms',
      operation,
      ...(status !== '' && { gcpStatus: status }),
      ...(reason !== '' && { gcpReason: reason }),
      ...causeDetails(cause),
    },
  })
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
