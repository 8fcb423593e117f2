/** Questions to what gives out the access tokens of a cloud: in bounded time and size, with errors that hold no secret. */
import type { Runtime } from '../basics/runtime.ts'
import { CountersignError } from '../errors.ts'
import { type ObjectReader, parseJson, readObject } from '../formats/json.ts'
import { printableExcerpt } from '../formats/printable.ts'
import { exchange } from './exchange.ts'

/** What is asked: a GET, or a POST of a body. */
export interface TokenGrantQuestion {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Default: 10 s. */
  readonly timeoutMs?: number
}

/** Whose credentials are used. */
export interface TokenOwner {
  /** Scheme of the provider, in the details of errors. */
  readonly provider: string
  /** How to get new credentials. */
  readonly hint: string
}

const MAX_ANSWER_BYTES = 64 * 1024
const TIMEOUT_MS = 10_000

/**
 * Asks, and answers the JSON object of a success.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — refused, or not an object; ERR_PROVIDER_UNAVAILABLE — out of
 * order; ERR_NETWORK, ERR_TIMEOUT
 */
export async function askTokenEndpoint(
  runtime: Runtime,
  question: TokenGrantQuestion,
  owner: TokenOwner,
): Promise<ObjectReader> {
  const text = await askForText(runtime, question, owner)
  const malformed = (why: string): CountersignError =>
    new CountersignError(
      'ERR_NOT_AUTHENTICATED',
      `malformed answer of ${question.url.host}: ${why}`,
    )
  return readObject(parseJson(text), malformed, 'it')
}

/**
 * Asks, and answers the text of a success.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED, ERR_PROVIDER_UNAVAILABLE, ERR_NETWORK, ERR_TIMEOUT
 */
export async function askForText(
  runtime: Runtime,
  { url, headers, body, timeoutMs = TIMEOUT_MS }: TokenGrantQuestion,
  owner: TokenOwner,
): Promise<string> {
  const method = body === undefined ? 'GET' : 'POST'
  const request = { url, method, headers, timeoutMs, maxBytes: MAX_ANSWER_BYTES } as const
  const answer = await exchange({ ...request, ...(body !== undefined && { body }) }, runtime)
  const text = Buffer.from(answer.body).toString('utf8')
  if (answer.status === 200) return text
  throw refused(url, { status: answer.status, text }, owner)
}

/** OAuth servers name the error in a member that holds no secret; the rest may repeat the request. */
function refused(
  { host }: URL,
  { status, text }: { readonly status: number; readonly text: string },
  { provider, hint }: TokenOwner,
): CountersignError {
  const [, name = ''] = /"error"\s*:\s*"([\w-]{1,64})"/.exec(text) ?? []
  const isOutage = status === 429 || status >= 500
  const why = printableExcerpt(`status ${status} ${name}`)
  return new CountersignError(
    isOutage ? 'ERR_PROVIDER_UNAVAILABLE' : 'ERR_NOT_AUTHENTICATED',
    `${host} gives no access token: ${why}`,
    { hint: isOutage ? 'try again' : hint, details: { provider, host, status } },
  )
}
