/**
 * Return values of PKCS#11 calls (v3.1 section 5.1), each as what it means to a caller: which of our
 * errors it is, what to do about it, and whether it says that handles of ours have died.
 *
 * @packageDocumentation
 */
import { CountersignError, type ErrorCode } from '../../errors.ts'

interface ReturnValue {
  readonly name: string
  readonly code: ErrorCode
  readonly hint?: string
  /** Whether a session, a login or an object handle is gone, and reopening all of them may fix it. */
  readonly isStale?: true
}

export const CKR_ATTRIBUTE_SENSITIVE = 0x11
export const CKR_ATTRIBUTE_TYPE_INVALID = 0x12
const CKR_MECHANISM_INVALID = 0x70
export const CKR_PIN_INCORRECT = 0xa0
export const CKR_PIN_INVALID = 0xa1
export const CKR_PIN_LEN_RANGE = 0xa2
export const CKR_SESSION_COUNT = 0xb1
const CKR_TOKEN_NOT_PRESENT = 0xe0
export const CKR_USER_ALREADY_LOGGED_IN = 0x100
export const CKR_USER_NOT_LOGGED_IN = 0x101
export const CKR_CRYPTOKI_NOT_INITIALIZED = 0x190
export const CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191

const OUTAGE = 'ERR_PROVIDER_UNAVAILABLE'
const REMOVED = 'check that the token is connected and its service runs'
const PIN = 'check the PIN; countersign tries it once and never again'
const ALGORITHM = 'choose an algorithm the token supports: pkcs11-tool --module PATH -M lists them'
const TEMPLATE =
  'the token makes no keys like this; make one with its own tool and name it by its URI'

const RETURN_VALUES: ReadonlyMap<number, ReturnValue> = new Map<number, ReturnValue>([
  [0x02, { name: 'CKR_HOST_MEMORY', code: OUTAGE }],
  [0x03, { name: 'CKR_SLOT_ID_INVALID', code: OUTAGE, hint: REMOVED, isStale: true }],
  [0x05, { name: 'CKR_GENERAL_ERROR', code: OUTAGE, hint: REMOVED, isStale: true }],
  [0x06, { name: 'CKR_FUNCTION_FAILED', code: OUTAGE, hint: REMOVED, isStale: true }],
  [0x21, { name: 'CKR_DATA_LEN_RANGE', code: 'ERR_KEY_INVALID', hint: 'the key is too short' }],
  [0x30, { name: 'CKR_DEVICE_ERROR', code: OUTAGE, hint: REMOVED, isStale: true }],
  [0x31, { name: 'CKR_DEVICE_MEMORY', code: OUTAGE, hint: 'the token is full' }],
  [0x32, { name: 'CKR_DEVICE_REMOVED', code: OUTAGE, hint: REMOVED, isStale: true }],
  [0x54, { name: 'CKR_FUNCTION_NOT_SUPPORTED', code: 'ERR_OPERATION_UNSUPPORTED' }],
  [0x60, { name: 'CKR_KEY_HANDLE_INVALID', code: OUTAGE, isStale: true }],
  [0x62, { name: 'CKR_KEY_SIZE_RANGE', code: 'ERR_ALGORITHM_UNSUPPORTED', hint: ALGORITHM }],
  [0x63, { name: 'CKR_KEY_TYPE_INCONSISTENT', code: 'ERR_KEY_INVALID' }],
  [
    0x68,
    {
      name: 'CKR_KEY_FUNCTION_NOT_PERMITTED',
      code: 'ERR_KEY_NOT_USABLE',
      hint: 'the key may not sign (CKA_SIGN, CKA_ALLOWED_MECHANISMS); make one that may',
    },
  ],
  [
    CKR_MECHANISM_INVALID,
    { name: 'CKR_MECHANISM_INVALID', code: 'ERR_ALGORITHM_UNSUPPORTED', hint: ALGORITHM },
  ],
  [
    0x71,
    { name: 'CKR_MECHANISM_PARAM_INVALID', code: 'ERR_ALGORITHM_UNSUPPORTED', hint: ALGORITHM },
  ],
  [0x82, { name: 'CKR_OBJECT_HANDLE_INVALID', code: OUTAGE, isStale: true }],
  [0x90, { name: 'CKR_OPERATION_ACTIVE', code: OUTAGE, isStale: true }],
  [0x91, { name: 'CKR_OPERATION_NOT_INITIALIZED', code: OUTAGE, isStale: true }],
  [CKR_PIN_INCORRECT, { name: 'CKR_PIN_INCORRECT', code: 'ERR_PIN_WRONG', hint: PIN }],
  [CKR_PIN_INVALID, { name: 'CKR_PIN_INVALID', code: 'ERR_PIN_WRONG', hint: PIN }],
  [CKR_PIN_LEN_RANGE, { name: 'CKR_PIN_LEN_RANGE', code: 'ERR_PIN_WRONG', hint: PIN }],
  [
    0xa3,
    { name: 'CKR_PIN_EXPIRED', code: 'ERR_PIN_WRONG', hint: "set a new PIN with the token's tool" },
  ],
  [
    0xa4,
    {
      name: 'CKR_PIN_LOCKED',
      code: 'ERR_PIN_LOCKED',
      hint: "unlock it with the security officer's PIN and the token's own tool",
    },
  ],
  [0xb0, { name: 'CKR_SESSION_CLOSED', code: OUTAGE, isStale: true }],
  [
    CKR_SESSION_COUNT,
    { name: 'CKR_SESSION_COUNT', code: OUTAGE, hint: 'other programs hold all its sessions' },
  ],
  [0xb3, { name: 'CKR_SESSION_HANDLE_INVALID', code: OUTAGE, isStale: true }],
  [0xb5, { name: 'CKR_SESSION_READ_ONLY', code: 'ERR_NOT_ALLOWED' }],
  [0xd0, { name: 'CKR_TEMPLATE_INCOMPLETE', code: 'ERR_OPERATION_UNSUPPORTED', hint: TEMPLATE }],
  [0xd1, { name: 'CKR_TEMPLATE_INCONSISTENT', code: 'ERR_OPERATION_UNSUPPORTED', hint: TEMPLATE }],
  [
    CKR_TOKEN_NOT_PRESENT,
    { name: 'CKR_TOKEN_NOT_PRESENT', code: OUTAGE, hint: REMOVED, isStale: true },
  ],
  [0xe1, { name: 'CKR_TOKEN_NOT_RECOGNIZED', code: OUTAGE, hint: REMOVED, isStale: true }],
  [0xe2, { name: 'CKR_TOKEN_WRITE_PROTECTED', code: 'ERR_NOT_ALLOWED' }],
  [CKR_USER_NOT_LOGGED_IN, { name: 'CKR_USER_NOT_LOGGED_IN', code: OUTAGE, isStale: true }],
  [
    0x102,
    {
      name: 'CKR_USER_PIN_NOT_INITIALIZED',
      code: 'ERR_PIN_WRONG',
      hint: "set the user's PIN first, with the token's own tool",
    },
  ],
  [0x103, { name: 'CKR_USER_TYPE_INVALID', code: 'ERR_OPERATION_UNSUPPORTED' }],
  [
    0x104,
    {
      name: 'CKR_USER_ANOTHER_ALREADY_LOGGED_IN',
      code: 'ERR_NOT_ALLOWED',
      hint: 'the security officer is logged in from this process; log out first',
    },
  ],
  [
    0x130,
    { name: 'CKR_DOMAIN_PARAMS_INVALID', code: 'ERR_ALGORITHM_UNSUPPORTED', hint: ALGORITHM },
  ],
  [0x140, { name: 'CKR_CURVE_NOT_SUPPORTED', code: 'ERR_ALGORITHM_UNSUPPORTED', hint: ALGORITHM }],
  [
    0x150,
    {
      name: 'CKR_BUFFER_TOO_SMALL',
      code: 'ERR_PROVIDER_FAULT',
      hint: 'the private key is larger than its public key or certificate on the token',
    },
  ],
  [
    CKR_CRYPTOKI_NOT_INITIALIZED,
    { name: 'CKR_CRYPTOKI_NOT_INITIALIZED', code: OUTAGE, isStale: true },
  ],
  [0x200, { name: 'CKR_FUNCTION_REJECTED', code: 'ERR_NOT_ALLOWED' }],
])

/** The return value (CK_RV) a PKCS#11 call failed with; undefined for any other error. */
export function returnValueOf(error: unknown): number | undefined {
  const isPkcs11 = error instanceof Error && error.name === 'Pkcs11Error' && 'code' in error
  return isPkcs11 && typeof error.code === 'number' ? error.code : undefined
}

/** Whether a call may have failed because a session, a login or an object handle has died. */
export function isStale(error: unknown): boolean {
  const value = returnValueOf(error)
  return value !== undefined && RETURN_VALUES.get(value)?.isStale === true
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
 */
export function toPkcs11Failure(error: unknown, operation: string): unknown {
  const value = returnValueOf(error)
  if (value === undefined) return error
  const hex = `0x${value.toString(16)}`
  const unlisted = { name: error instanceof Error ? error.message : '', code: OUTAGE } as const
  const { name, code, hint }: ReturnValue = RETURN_VALUES.get(value) ?? unlisted
  return new CountersignError(code, `${operation} failed: ${name} (${hex})`, {
    hint: hint ?? 'check the token and its module',
    reason: hint === undefined ? 'token-fault' : undefined,
    details: { provider: 'pkcs11', returnValue: hex },
    cause: error,
  })
}
