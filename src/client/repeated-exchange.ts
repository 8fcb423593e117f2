/** One HTTP request that is sent again where the server was busy for a moment, or did not answer. */
import { isLongWait, retryDelay } from '../basics/retry-delay.ts'
import type { Runtime } from '../basics/runtime.ts'
import { CountersignError } from '../errors.ts'
import { exchange, type ExchangeAnswer, type ExchangeRequest } from './exchange.ts'

/** Why an answer is not a success. */
export interface RejectedAnswer {
  readonly error: CountersignError
  /** Whether the same request is likely to succeed in a moment. */
  readonly isBrief: boolean
  /** `Retry-After`, as the server wrote it. */
  readonly retryAfter?: string | undefined
}

/** How often a request is sent; once where repeating it could do harm. */
export interface RepeatOptions {
  readonly maxTries?: number
}

const MAX_TRIES = 3

/**
 * Sends a request until its answer is not rejected.
 *
 * @param reject - judges an answer; undefined: it is a success
 * @throws {@link CountersignError} the last rejection; ERR_NETWORK, ERR_TIMEOUT, ERR_CANCELLED
 */
export async function exchangeRepeatedly(
  request: ExchangeRequest,
  runtime: Runtime,
  reject: (answer: ExchangeAnswer) => RejectedAnswer | undefined,
  { maxTries = MAX_TRIES }: RepeatOptions = {},
): Promise<ExchangeAnswer> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await attempt(request, runtime, reject)
    if (!('error' in outcome)) return outcome
    const { error, isBrief, retryAfter } = outcome
    const isLast = tries >= maxTries || isLongWait(retryAfter, runtime.now())
    if (isLast || !isBrief) throw error
    await runtime.pause(retryDelay(tries, retryAfter, runtime), request.signal)
  }
}

async function attempt(
  request: ExchangeRequest,
  runtime: Runtime,
  reject: (answer: ExchangeAnswer) => RejectedAnswer | undefined,
): Promise<ExchangeAnswer | RejectedAnswer> {
  try {
    const answer = await exchange(request, runtime)
    return reject(answer) ?? answer
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_NETWORK')) throw error
    return { error, isBrief: true }
  }
}
