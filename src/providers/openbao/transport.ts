/**
 * Requests to one server: each attempt in bounded time and size, to that address only, and again where the server
 * was busy for a moment.
 *
 * @packageDocumentation
 */
import { isLongWait, retryDelay } from '../../basics/retry-delay.ts'
import type { Runtime } from '../../basics/runtime.ts'
import { exchange, type ExchangeAnswer } from '../../client/exchange.ts'
import { CountersignError } from '../../errors.ts'
import type { JsonObject } from '../../formats/json.ts'
import { readSuccess } from './answers.ts'
import { type BaoCall, isBrief, type BaoRefusal, toBaoError, toRefusal } from './errors.ts'

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
const MAX_TRIES = 3
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
    const { isOnce = false, signal } = request
    for (let tries = 1; ; tries += 1) {
      const outcome = await attempt(address, request, runtime)
      if (outcome.kind === 'success') return outcome.answer
      const { error, isWorthRetrying, retryAfter } = outcome
      const isLast = isOnce || tries >= MAX_TRIES || isLongWait(retryAfter, runtime.now())
      if (isLast || !isWorthRetrying) throw error
      await runtime.pause(retryDelay(tries, retryAfter, runtime), signal)
    }
  }
}

type Outcome =
  | { readonly kind: 'success'; readonly answer: JsonObject }
  | {
      readonly kind: 'failure'
      readonly error: CountersignError
      readonly isWorthRetrying: boolean
      readonly retryAfter?: string | undefined
    }

async function attempt(address: string, request: BaoRequest, runtime: Runtime): Promise<Outcome> {
  try {
    const answer = await send(address, request, runtime)
    if (answer.status === 200 || answer.status === 204) {
      return { kind: 'success', answer: readSuccess(answer.body) }
    }
    return refused(toRefusal(answer, secretsOf(request)), request)
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_NETWORK')) throw error
    return { kind: 'failure', error, isWorthRetrying: true }
  }
}

function refused(refusal: BaoRefusal, request: BaoRequest): Outcome {
  const { retryAfter } = refusal
  const error = toBaoError(refusal, request)
  return { kind: 'failure', error, isWorthRetrying: isBrief(refusal), retryAfter }
}

function send(address: string, request: BaoRequest, runtime: Runtime): Promise<ExchangeAnswer> {
  const { method, path, body, token, namespace, signal } = request
  return exchange(
    {
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
    },
    runtime,
  )
}

function secretsOf({ token, secrets = [] }: BaoRequest): readonly string[] {
  return token === undefined ? secrets : [token, ...secrets]
}
