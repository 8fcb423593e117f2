/**
 * Requests to one server: each attempt in bounded time and size, to that address only, and again where the server
 * was busy for a moment.
 *
 * @packageDocumentation
 */
import type { Runtime } from '../../basics/runtime.ts'
import type { ExchangeAnswer, ExchangeRequest } from '../../client/exchange.ts'
import { exchangeRepeatedly, type RejectedAnswer } from '../../client/repeated-exchange.ts'
import type { JsonObject } from '../../formats/json.ts'
import { readSuccess } from './answers.ts'
import type { BaoCall } from './causes/cause.ts'
import { isBrief, toBaoError, toRefusal } from './errors.ts'

/** One request. */
export interface BaoRequest extends BaoCall {
  readonly body?: JsonObject
  readonly token?: string
  /** What an error must never repeat, beside the token. */
  readonly secrets?: readonly string[]
  readonly signal?: AbortSignal | undefined
  /** Sends it once, whatever becomes of it; default: up to three times. */
  readonly isOnce?: boolean
}

/** Sends a request and answers the JSON of a success. */
export type BaoSend = (request: BaoRequest) => Promise<JsonObject>

/** An attempt is over after this. */
const TIMEOUT_MS = 10_000
/** The public halves of a thousand versions of 4096 bits. */
const MAX_ANSWER_BYTES = 1024 * 1024

/**
 * Makes the sender for one server.
 *
 * @throws {@link CountersignError} from the sender: the causes of `errors.ts`; ERR_NETWORK, ERR_TIMEOUT,
 * ERR_CANCELLED; ERR_PROVIDER_FAULT — a success that is not JSON
 */
export function createTransport(address: string, runtime: Runtime): BaoSend {
  return async (request) => {
    const reject = (answer: ExchangeAnswer): RejectedAnswer | undefined =>
      rejectionOf(answer, request)
    const repeats = request.isOnce === true ? { maxTries: 1 } : {}
    const answer = await exchangeRepeatedly(toExchange(address, request), runtime, reject, repeats)
    return readSuccess(answer.body)
  }
}

function rejectionOf(answer: ExchangeAnswer, request: BaoRequest): RejectedAnswer | undefined {
  if (answer.status === 200 || answer.status === 204) return undefined
  const refusal = toRefusal(answer, secretsOf(request))
  const error = toBaoError(refusal, request)
  return { error, isBrief: isBrief(refusal), retryAfter: refusal.retryAfter }
}

function toExchange(address: string, request: BaoRequest): ExchangeRequest {
  const { method, path, body, token, namespace, signal } = request
  return {
    url: new URL(`/v1/${path}`, address),
    method,
    headers: {
      'x-vault-request': 'true',
      ...(token !== undefined && { 'x-vault-token': token }),
      ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    maxBytes: MAX_ANSWER_BYTES,
    timeoutMs: TIMEOUT_MS,
    signal,
  }
}

function secretsOf({ token, secrets = [] }: BaoRequest): readonly string[] {
  return token === undefined ? secrets : [token, ...secrets]
}
