/** Requests in bounded time that the caller may also cancel. */
import { CountersignError } from '../errors.ts'
import { toCancellation } from './cancellation.ts'

/** A request under way, and what ends it. */
export interface TimedRequest {
  readonly url: URL
  readonly timeoutMs: number
  /** Aborts after that time. */
  readonly deadline: AbortSignal
  /** The caller's. */
  readonly signal?: AbortSignal | undefined
  /** The error of a failure that has no code yet. */
  readonly failed: (cause: unknown) => CountersignError
}

/**
 * Sends a request and reads its answer under one deadline.
 *
 * @throws {@link CountersignError} ERR_TIMEOUT; ERR_CANCELLED — by the caller's signal; the error of `failed`;
 * and those of the exchange itself
 */
export async function withinDeadline<T>(
  { url, timeoutMs, deadline, signal, failed }: TimedRequest,
  exchange: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await exchange(signal === undefined ? deadline : AbortSignal.any([deadline, signal]))
  } catch (cause) {
    if (CountersignError.is(cause)) throw cause
    if (signal?.aborted === true) throw toCancellation(signal)
    if (!deadline.aborted) throw failed(cause)
    throw new CountersignError('ERR_TIMEOUT', `no answer from ${url.host} in ${timeoutMs} ms`, {
      hint: `check that ${url.origin} answers from this machine, and try again`,
      details: { host: url.host, timeoutMs },
      cause,
    })
  }
}

/** Code at the bottom of a failed fetch, which itself says only "fetch failed"; undefined if absent. */
export function rootCode(error: unknown): string | undefined {
  let code: string | undefined
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') code = at.code
  }
  return code
}
