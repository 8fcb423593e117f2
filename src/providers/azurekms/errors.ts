/** What Key Vault refuses, as errors that name the cause: by the status of the answer and the codes in it. */
import type { ExchangeAnswer } from '../../client/exchange.ts'
import type { RejectedAnswer } from '../../client/repeated-exchange.ts'
import { CountersignError } from '../../errors.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../formats/json.ts'
import { printableExcerpt } from '../../formats/printable.ts'
import { causeDetails } from '../cause.ts'
import type { AzureCall } from './causes/commands.ts'
import { azureCause, type AzureCause, findAzureCause } from './causes/table.ts'
import { challengedAudience } from './challenge.ts'

/** What an error states beside its cause. */
interface AzureFinding {
  /** Goes behind the summary of the cause. */
  readonly text?: string
  readonly status?: number
  /** Code of the inner error. */
  readonly reason?: string
  readonly retryAfterSeconds?: number | undefined
  readonly cause?: unknown
}

/** Judges an answer; undefined: it is a success. `audience` is what a token for the vault is for. */
export function rejectAzureAnswer(
  answer: ExchangeAnswer,
  call: AzureCall,
  audience: string,
): RejectedAnswer | undefined {
  const { status, headers } = answer
  if (status === 200) return undefined
  const error = readError(answer.body)
  const reason = textOf(innerOf(error)?.['code'])
  const message = textOf(error['message'])
  const [number = ''] = /\bAKV\d{5}\b/.exec(message) ?? []
  const challenged = challengedAudience(headers.get('www-authenticate'))
  const isOther = challenged !== undefined && challenged !== audience
  const cause = findAzureCause(status, [reason, number, ...(isOther ? ['challenge'] : [])])
  const text = printableExcerpt(message, 300).replace(/\.$/, '') || `status ${status}`
  const retryAfter = headers.get('retry-after') ?? undefined
  const retryAfterSeconds = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined
  const finding = { text, status, ...(reason !== '' && { reason }), retryAfterSeconds }
  return { error: toAzureError(cause, call, finding), isBrief: cause.isBrief === true, retryAfter }
}

/** Makes the error of a cause that no answer states by itself. */
export function foundAzureError(
  id: string,
  call: AzureCall,
  finding: AzureFinding = {},
): CountersignError {
  return toAzureError(azureCause(id), call, finding)
}

function toAzureError(
  cause: AzureCause,
  call: AzureCall,
  { text, status, reason, retryAfterSeconds, cause: thrown }: AzureFinding,
): CountersignError {
  const { operation, vault, key } = call
  const suffix = text === undefined ? '' : ` (${text})`
  const message = `Azure Key Vault ${operation} of ${vault}/${key}: ${cause.summary}${suffix}`
  return new CountersignError(cause.code, message, {
    hint: cause.cure(call),
    retryAfterSeconds,
    details: {
      provider: 'azurekms',
      operation,
      ...(status !== undefined && { status }),
      ...(reason !== undefined && { azureReason: printableExcerpt(reason, 100) }),
      ...causeDetails(cause),
    },
    ...(thrown !== undefined && { cause: thrown }),
  })
}

/** Makes the error of an answer that Key Vault never gives. */
export function malformedAzureAnswer(why: string): CountersignError {
  return new CountersignError('ERR_PROVIDER_FAULT', `malformed answer of Azure Key Vault: ${why}`, {
    hint: 'nothing was released; check that the vault is one of Azure',
    details: { provider: 'azurekms' },
  })
}

function readError(body: Uint8Array): JsonObject {
  try {
    const value = parseJson(body)
    const error = isJsonObject(value) ? value['error'] : undefined
    return isJsonObject(error) ? error : {}
  } catch (error) {
    if (CountersignError.is(error)) return {}
    throw error
  }
}

/** Written both ways by Key Vault. */
function innerOf(error: JsonObject): JsonObject | undefined {
  const inner = error['innererror'] ?? error['innerError']
  return isJsonObject(inner) ? inner : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
