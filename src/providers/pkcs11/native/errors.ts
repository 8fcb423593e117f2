/**
 * Failed PKCS#11 calls as errors of ours, by the table of return-values.ts.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../../errors.ts'
import {
  CKR_TOKEN_NOT_PRESENT,
  CKR_USER_NOT_LOGGED_IN,
  type Remedy,
  RETURN_VALUES,
  unlistedValue,
} from './return-values.ts'

/** pkcs11js lets what C_FindObjects fails with pass as the addon throws it. */
const RAW_FAILURE = /^(CKR_\w+):(\d+)/

/** The return value (CK_RV) a PKCS#11 call failed with; undefined for any other error. */
export function returnValueOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const isPkcs11 = error.name === 'Pkcs11Error' && 'code' in error
  if (isPkcs11) return typeof error.code === 'number' ? error.code : undefined
  const [, , value] = RAW_FAILURE.exec(error.message) ?? []
  return value === undefined ? undefined : Number(value)
}

/** What may cure a failed call; `operator` for any other error. */
export function remedyOf(error: unknown): Remedy {
  const value = returnValueOf(error)
  if (value === undefined) return 'operator'
  return (RETURN_VALUES.get(value) ?? unlistedValue('')).remedy
}

/** Whether a call may have failed because sessions, or more than them, have died. */
export function isStale(error: unknown): boolean {
  return ['reopen', 'restart'].includes(remedyOf(error))
}

/** Whether an error of ours is left of a call that a new process may cure. */
export function needsRestart(error: unknown): boolean {
  return CountersignError.is(error) && remedyOf(error.cause) === 'restart'
}

/** Makes the failure of a token that is in none of the slots. */
export function tokenNotPresent(): Error {
  return pkcs11Failure('CKR_TOKEN_NOT_PRESENT', CKR_TOKEN_NOT_PRESENT)
}

/** Makes the failure of a call that needs a login which has ended. */
export function notLoggedIn(): Error {
  return pkcs11Failure('CKR_USER_NOT_LOGGED_IN', CKR_USER_NOT_LOGGED_IN)
}

function pkcs11Failure(message: string, code: number): Error {
  return Object.assign(new Error(message), { name: 'Pkcs11Error', code })
}

/**
 * Makes an error of ours from a failed PKCS#11 call; other errors pass as they are. Values that are
 * not in the table (a vendor's own) count as an outage: ERR_PROVIDER_UNAVAILABLE.
 *
 * @param operation - what was tried, for people: `signing with token "prod"`
 * @param cause - the cause, where the value does not decide it
 */
export function toPkcs11Failure(error: unknown, operation: string, cause?: string): unknown {
  const value = returnValueOf(error)
  if (value === undefined) return error
  const hex = `0x${value.toString(16)}`
  const written = error instanceof Error ? error.message : ''
  const unlisted = unlistedValue(RAW_FAILURE.exec(written)?.[1] ?? written)
  const { name, code } = RETURN_VALUES.get(value) ?? unlisted
  return new CountersignError(code, `${operation} failed: ${name} (${hex})`, {
    details: { provider: 'pkcs11', returnValue: hex, ...(cause !== undefined && { cause }) },
    cause: error,
  })
}
