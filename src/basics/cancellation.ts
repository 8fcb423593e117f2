/**
 * What an AbortSignal means to callers: a deadline that passed, or work that was cancelled.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'

/** Makes the error of an aborted signal: its own CountersignError, ERR_TIMEOUT of a deadline, or ERR_CANCELLED. */
export function toCancellation(signal: AbortSignal): CountersignError {
  const cause: unknown = signal.reason
  if (CountersignError.is(cause)) return cause
  if (cause instanceof DOMException && cause.name === 'TimeoutError') {
    return new CountersignError('ERR_TIMEOUT', 'the operation took longer than it may', { cause })
  }
  return new CountersignError('ERR_CANCELLED', 'the operation was cancelled', { cause })
}

/**
 * Lets work go on unless its signal is aborted.
 *
 * @throws {@link CountersignError} ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted, by whom tells which
 */
export function assertNotCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw toCancellation(signal)
}

/**
 * Waits for work, but no longer than its caller does. Work that can't be stopped goes on; what becomes
 * of it is not told.
 *
 * @throws what the work throws; {@link CountersignError} ERR_CANCELLED, ERR_TIMEOUT — the signal is
 * aborted first
 */
export function untilCancelled<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const leave = (): void => {
    reject(toCancellation(signal))
  }
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  work.then(resolve, reject)
  return promise.finally(() => {
    signal.removeEventListener('abort', leave)
  })
}
