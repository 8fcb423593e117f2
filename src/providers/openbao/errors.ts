/** What OpenBao and Vault refuse, as errors that name the cause, the cure and what the server states. */
import { CountersignError, type ErrorDetails } from '../../errors.ts'
import { isJsonObject, type JsonValue, parseJson } from '../../formats/json.ts'
import { printableExcerpt } from '../../formats/printable.ts'
import { causeDetails } from '../cause.ts'
import type { BaoCall, BaoCause } from './causes/cause.ts'
import { baoCause, type BaoCauseId, findBaoCause } from './causes/table.ts'

/** An answer that is not a success. */
export interface BaoRefusal {
  readonly status: number
  readonly retryAfter: string | undefined
  /** What the server states, on one line; undefined: the answer is not one of OpenBao. */
  readonly text: string | undefined
}

/** What an error states beside its cause. */
export interface FoundOptions {
  /** In place of the summary of the cause. */
  readonly message?: string
  readonly details?: ErrorDetails
  readonly cause?: unknown
}

/** Reads an answer that is not a success; `secrets` are what the request contained, and never repeated. */
export function toRefusal(
  answer: { readonly status: number; readonly headers: Headers; readonly body: Uint8Array },
  secrets: readonly string[],
): BaoRefusal {
  const { status, headers, body } = answer
  const text = errorText(body)
  return {
    status,
    retryAfter: headers.get('retry-after') ?? undefined,
    text: text === undefined ? undefined : withoutSecrets(text, secrets),
  }
}

/** Whether repeating a refused call may help. */
export function isBrief({ status, text }: BaoRefusal): boolean {
  return findBaoCause(status, text).isBrief === true
}

/** Makes the error of a refused call. */
export function toBaoError(
  { status, text, retryAfter }: BaoRefusal,
  call: BaoCall,
): CountersignError {
  const cause = findBaoCause(status, text)
  const stated = text === '' ? '' : ` (status ${status}: ${text ?? 'not an answer of OpenBao'})`
  return errorOf(cause, call, {
    message: `OpenBao ${call.method} ${call.path}: ${cause.summary}${stated}`,
    details: {
      operation: `${call.method} ${call.path}`,
      status,
      ...(text !== undefined && { stated: text }),
      ...(retryAfter !== undefined && { retryAfter }),
    },
  })
}

/** Makes the error of a cause that no answer states. */
export function foundError(
  id: BaoCauseId,
  call: BaoCall,
  options: FoundOptions = {},
): CountersignError {
  return errorOf(baoCause(id), call, options)
}

function errorOf(cause: BaoCause, call: BaoCall, options: FoundOptions): CountersignError {
  const { message = cause.summary, details = {} } = options
  return new CountersignError(cause.code, message, {
    hint: cause.cure(call),
    details: { provider: 'openbao', ...details, ...causeDetails(cause) },
    cause: options.cause,
  })
}

function errorText(body: Uint8Array): string | undefined {
  const errors = errorsOf(body)
  if (errors === undefined) return undefined
  const texts = errors.filter((error) => typeof error === 'string')
  // Several errors come as a list, even if there is one.
  const lines = texts.join('; ').replaceAll(/\d+ errors? occurred:/g, '')
  return printableExcerpt(lines.replaceAll(/\n\s*\*/g, ' '), 300)
}

function errorsOf(body: Uint8Array): readonly JsonValue[] | undefined {
  try {
    const value = parseJson(body)
    // A KV engine has only warnings.
    const errors = isJsonObject(value) ? (value['errors'] ?? value['warnings']) : undefined
    return Array.isArray(errors) ? errors : undefined
  } catch (error) {
    // Something between here and the server answered in its place.
    if (CountersignError.is(error)) return undefined
    throw error
  }
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '…'), text)
}
