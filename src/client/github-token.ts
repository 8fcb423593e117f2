/** The identity token of a GitHub Actions job, as the job asks for it. */
import { CountersignError } from '../errors.ts'
import { isJsonObject, parseJson } from '../formats/json.ts'
import { retryDelay } from '../basics/retry-delay.ts'
import type { Runtime } from '../basics/runtime.ts'
import { exchange, type ExchangeAnswer } from './exchange.ts'

/** What a job is given to ask with, by `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`. */
export interface GithubTokenRequest {
  readonly url: string
  readonly bearer: string
  /** Whom the token shall be for. */
  readonly audience: string
}

const MAX_ANSWER_BYTES = 256 * 1024
const TIMEOUT_MS = 10_000
const MAX_TRIES = 4

/**
 * Asks for a token; it lives five minutes.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — GitHub refuses, or answers with something else;
 * ERR_NETWORK, ERR_TIMEOUT — GitHub does not answer, asked several times; ERR_CANCELLED
 */
export async function requestGithubToken(
  request: GithubTokenRequest,
  runtime: Runtime,
  signal?: AbortSignal,
): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask(request, runtime, signal)
    } catch (error) {
      if (!CountersignError.is(error) || !error.retryable || tries >= MAX_TRIES) throw error
      await runtime.pause(retryDelay(tries, undefined, runtime), signal)
    }
  }
}

async function ask(
  { url, bearer, audience }: GithubTokenRequest,
  runtime: Runtime,
  signal: AbortSignal | undefined,
): Promise<string> {
  const address = URL.parse(url)
  if (address === null) throw refused('ACTIONS_ID_TOKEN_REQUEST_URL is no address')
  address.searchParams.set('audience', audience)
  const answer = await exchange(
    {
      url: address,
      method: 'GET',
      headers: { authorization: `bearer ${bearer}`, accept: 'application/json' },
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: TIMEOUT_MS,
      signal,
    },
    runtime,
  )
  return readToken(address, answer)
}

function readToken({ host }: URL, { status, body }: ExchangeAnswer): string {
  if (status >= 500 || status === 429) {
    throw new CountersignError('ERR_NETWORK', `${host} answers with status ${status}`, {
      details: { host, status },
    })
  }
  if (status !== 200) throw refused(`${host} answers with status ${status}`)
  const json = parseJson(body, { maxBytes: MAX_ANSWER_BYTES })
  const value = isJsonObject(json) ? json['value'] : undefined
  if (typeof value === 'string' && value !== '') return value
  throw refused(`${host} answers without a token`)
}

function refused(why: string): CountersignError {
  return new CountersignError('ERR_NOT_AUTHENTICATED', `GitHub gives the job no token: ${why}`, {
    hint: 'give the job `permissions: id-token: write`',
  })
}
