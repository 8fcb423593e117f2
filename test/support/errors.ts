/** Asserting failures by their code, the part of an error that is stable. */
import { CountersignError, type ErrorCode } from '../../src/errors.ts'

/** The code a call fails with; `accepted` where it does not. Anything but a CountersignError is thrown on. */
export function codeOf(call: () => unknown): ErrorCode | 'accepted' {
  try {
    call()
    return 'accepted'
  } catch (error) {
    if (CountersignError.is(error)) return error.code
    throw error
  }
}

/** As {@link codeOf}, for a promise. */
export async function codeOfAsync(call: () => Promise<unknown>): Promise<ErrorCode | 'accepted'> {
  try {
    await call()
    return 'accepted'
  } catch (error) {
    if (CountersignError.is(error)) return error.code
    throw error
  }
}

/** The error a call fails with. */
export function errorOf(call: () => unknown): CountersignError {
  try {
    call()
  } catch (error) {
    if (CountersignError.is(error)) return error
    throw error
  }
  throw new Error('it was accepted')
}
