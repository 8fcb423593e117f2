/** Problem documents (RFC 9457) of a service, as the errors they were. */
import {
  CountersignError,
  ERROR_REASONS,
  ERROR_TRAITS,
  type ErrorCode,
  type ErrorDetails,
} from '../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../formats/json.ts'
import { printableExcerpt } from '../formats/printable.ts'
import type { ExchangeAnswer } from './exchange.ts'

const MAX_PROBLEM_BYTES = 64 * 1024
const MAX_TEXT_CHARACTERS = 1000

/** What a status means where the answer is no problem document of ours: a proxy's, say. */
const BY_STATUS: Readonly<Partial<Record<number, ErrorCode>>> = {
  401: 'ERR_NOT_AUTHENTICATED',
  403: 'ERR_NOT_ALLOWED',
  404: 'ERR_ROUTE_NOT_FOUND',
  405: 'ERR_ROUTE_NOT_FOUND',
  408: 'ERR_TIMEOUT',
  413: 'ERR_INPUT_TOO_LARGE',
  429: 'ERR_THROTTLED',
  503: 'ERR_OVERLOADED',
  504: 'ERR_TIMEOUT',
}

/** Makes the error of an unsuccessful answer. */
export function toServiceError(
  url: URL,
  { status, headers, body }: ExchangeAnswer,
): CountersignError {
  const found = readProblem(body)
  const retryAfterSeconds = readSeconds(headers.get('retry-after'))
  const problem = found === undefined ? undefined : problemToError(found, retryAfterSeconds)
  if (problem !== undefined) return problem
  const code = BY_STATUS[status] ?? (status >= 500 ? 'ERR_NETWORK' : 'ERR_REQUEST_INVALID')
  return new CountersignError(code, `${url.host} answers with status ${status}`, {
    hint: `check that ${url.origin} is a countersign service and what stands before it`,
    retryAfterSeconds,
    details: { host: url.host, status },
  })
}

/**
 * The error that a problem document tells of, its code kept; undefined if the code is not one of ours.
 * Its text is the service's word.
 *
 * @param retryAfterSeconds - what the answer as a whole says of when to try again
 */
export function problemToError(
  problem: JsonObject,
  retryAfterSeconds?: number,
): CountersignError | undefined {
  const { approval, code, detail, hint, reason, requestId } = problem
  if (typeof code !== 'string' || !isErrorCode(code)) return undefined
  return new CountersignError(code, excerpt(detail) ?? `the service refused with ${code}`, {
    hint: excerpt(hint),
    reason: ERROR_REASONS.find((known) => known === reason),
    retryAfterSeconds,
    details: {
      ...(typeof requestId === 'string' && { requestId: printableExcerpt(requestId) }),
      ...readApproval(approval),
    },
  })
}

/** `Retry-After` as our service writes it; another one may write a date, which only the retries read. */
function readSeconds(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined
}

/** What an approval is given for; words that a person may paste into a shell. */
function readApproval(approval: JsonValue | undefined): ErrorDetails {
  if (!isJsonObject(approval)) return {}
  const named = ['approvalId', 'requestSha256'].map((name) => [name, approval[name]] as const)
  return Object.fromEntries(named.filter((entry) => isWord(entry)))
}

function isWord(entry: readonly [string, unknown]): entry is readonly [string, string] {
  return typeof entry[1] === 'string' && /^\w[\w-]{0,127}$/.test(entry[1])
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TRAITS, code)
}

function readProblem(body: Uint8Array): JsonObject | undefined {
  try {
    const json = parseJson(body, { maxBytes: MAX_PROBLEM_BYTES })
    return isJsonObject(json) ? json : undefined
  } catch (error) {
    if (CountersignError.is(error)) return undefined
    throw error
  }
}

function excerpt(text: unknown): string | undefined {
  return typeof text === 'string' ? printableExcerpt(text, MAX_TEXT_CHARACTERS) : undefined
}
