import { CountersignError, type ErrorReason } from '../errors.ts'

/** Makes the error of a database that does not do its work just now; `why` follows "the store is unavailable". */
export function storeUnavailable(
  why: string,
  options: {
    readonly hint?: string
    readonly reason?: ErrorReason
    readonly cause?: unknown
  } = {},
): CountersignError<'ERR_STORE_UNAVAILABLE'> {
  const { hint = 'it is safe to try again', reason, cause } = options
  return new CountersignError('ERR_STORE_UNAVAILABLE', `the store is unavailable: ${why}`, {
    hint,
    reason,
    cause,
  })
}
