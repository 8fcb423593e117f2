/**
 * Faults of a backend as the callers of a service see them. The key pair and the login are the service's own:
 * "not allowed", "not authenticated" or "not found" would be read as being about the caller.
 *
 * @packageDocumentation
 */
import { causeOf } from '../basics/error-cause.ts'
import { CountersignError, ERROR_TRAITS } from '../errors.ts'

/** A backend that throttles until the deadline needs longer than the usual wait after an answer 429. */
const THROTTLED_SECONDS = 5

/**
 * Gives the error of a backend a code that says whose fault it is; the error itself is its cause. What says
 * so already passes unchanged, as a request that was cancelled does. A backend that takes no more stays "throttled",
 * without the words of the backend, which name its keys. What the backend knows of when to try again
 * (`retryAfterSeconds`) is kept: it becomes the answer's `Retry-After`.
 *
 * @param what - names what did not work, for the log of the service
 */
export function toBackendFault(thrown: unknown, what: string): unknown {
  if (!CountersignError.is(thrown)) return thrown
  const { code, hint, message, retryAfterSeconds } = thrown
  if (code === 'ERR_CANCELLED' || ERROR_TRAITS[code].http >= 500) return thrown
  if (code === 'ERR_THROTTLED') return takesNoMore(thrown)
  return new CountersignError('ERR_PROVIDER_UNAVAILABLE', `${what} (${code}): ${message}`, {
    hint,
    retryAfterSeconds,
    details: { backend: code, ...causeOf(thrown) },
    cause: thrown,
  })
}

function takesNoMore(cause: CountersignError): CountersignError {
  const { retryAfterSeconds = THROTTLED_SECONDS } = cause
  return new CountersignError('ERR_THROTTLED', 'the backend of the key takes no more for now', {
    hint: 'send less at a time; the operator can raise the request quota of the backend',
    retryAfterSeconds,
    cause,
  })
}
