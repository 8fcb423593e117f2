/**
 * Return values of PKCS#11 calls (v3.1 section 5.1): which of our errors each is, what countersign does about it
 * itself, and what is left to the operator.
 *
 * @packageDocumentation
 */
import type { ErrorCode } from '../../../errors.ts'

/**
 * What may cure a failed call, from the cheapest on: the same call again; the object handles found again; another
 * login; all sessions opened again; the process of the module started again. `operator`: nothing that can be done
 * from here.
 */
export type Remedy = 'retry' | 'find-key' | 'log-in' | 'reopen' | 'restart' | 'operator'

/** What one return value means. */
export interface ReturnValue {
  readonly name: string
  readonly code: ErrorCode
  readonly remedy: Remedy
}

export const CKR_ATTRIBUTE_SENSITIVE = 0x11
export const CKR_ATTRIBUTE_TYPE_INVALID = 0x12
const CKR_MECHANISM_INVALID = 0x70
export const CKR_PIN_INCORRECT = 0xa0
export const CKR_PIN_INVALID = 0xa1
export const CKR_PIN_LEN_RANGE = 0xa2
export const CKR_SESSION_COUNT = 0xb1
export const CKR_TOKEN_NOT_PRESENT = 0xe0
export const CKR_TOKEN_NOT_RECOGNIZED = 0xe1
export const CKR_USER_ALREADY_LOGGED_IN = 0x100
export const CKR_USER_NOT_LOGGED_IN = 0x101
export const CKR_CRYPTOKI_NOT_INITIALIZED = 0x190
export const CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191

type Row = readonly [value: number, name: string, remedy: Remedy]

/** Failures that pass, or may. */
const OUTAGES: readonly Row[] = [
  [0x01, 'CKR_CANCEL', 'retry'],
  [0x02, 'CKR_HOST_MEMORY', 'restart'],
  [0x03, 'CKR_SLOT_ID_INVALID', 'restart'],
  [0x05, 'CKR_GENERAL_ERROR', 'restart'],
  [0x06, 'CKR_FUNCTION_FAILED', 'restart'],
  [0x0a, 'CKR_CANT_LOCK', 'restart'],
  [0x30, 'CKR_DEVICE_ERROR', 'restart'],
  [0x31, 'CKR_DEVICE_MEMORY', 'operator'],
  [0x32, 'CKR_DEVICE_REMOVED', 'restart'],
  [0x50, 'CKR_FUNCTION_CANCELED', 'retry'],
  [0x60, 'CKR_KEY_HANDLE_INVALID', 'find-key'],
  [0x82, 'CKR_OBJECT_HANDLE_INVALID', 'find-key'],
  [0x90, 'CKR_OPERATION_ACTIVE', 'reopen'],
  [0x91, 'CKR_OPERATION_NOT_INITIALIZED', 'reopen'],
  [0xb0, 'CKR_SESSION_CLOSED', 'reopen'],
  [CKR_SESSION_COUNT, 'CKR_SESSION_COUNT', 'operator'],
  [0xb3, 'CKR_SESSION_HANDLE_INVALID', 'reopen'],
  [CKR_TOKEN_NOT_PRESENT, 'CKR_TOKEN_NOT_PRESENT', 'restart'],
  [CKR_TOKEN_NOT_RECOGNIZED, 'CKR_TOKEN_NOT_RECOGNIZED', 'restart'],
  [CKR_USER_NOT_LOGGED_IN, 'CKR_USER_NOT_LOGGED_IN', 'log-in'],
  [CKR_CRYPTOKI_NOT_INITIALIZED, 'CKR_CRYPTOKI_NOT_INITIALIZED', 'restart'],
  [0x1a0, 'CKR_MUTEX_BAD', 'restart'],
  [0x1a1, 'CKR_MUTEX_NOT_LOCKED', 'restart'],
  [0x201, 'CKR_TOKEN_RESOURCE_EXCEEDED', 'operator'],
]

type Refusal = readonly [value: number, name: string, code: ErrorCode]

/** Failures that last until an operator changes something. */
const REFUSALS: readonly Refusal[] = [
  [0x21, 'CKR_DATA_LEN_RANGE', 'ERR_KEY_INVALID'],
  [0x54, 'CKR_FUNCTION_NOT_SUPPORTED', 'ERR_OPERATION_UNSUPPORTED'],
  [0x62, 'CKR_KEY_SIZE_RANGE', 'ERR_ALGORITHM_UNSUPPORTED'],
  [0x63, 'CKR_KEY_TYPE_INCONSISTENT', 'ERR_KEY_INVALID'],
  [0x68, 'CKR_KEY_FUNCTION_NOT_PERMITTED', 'ERR_KEY_NOT_USABLE'],
  [CKR_MECHANISM_INVALID, 'CKR_MECHANISM_INVALID', 'ERR_ALGORITHM_UNSUPPORTED'],
  [0x71, 'CKR_MECHANISM_PARAM_INVALID', 'ERR_ALGORITHM_UNSUPPORTED'],
  [CKR_PIN_INCORRECT, 'CKR_PIN_INCORRECT', 'ERR_PIN_WRONG'],
  [CKR_PIN_INVALID, 'CKR_PIN_INVALID', 'ERR_PIN_WRONG'],
  [CKR_PIN_LEN_RANGE, 'CKR_PIN_LEN_RANGE', 'ERR_PIN_WRONG'],
  [0xa3, 'CKR_PIN_EXPIRED', 'ERR_PIN_WRONG'],
  [0xa4, 'CKR_PIN_LOCKED', 'ERR_PIN_LOCKED'],
  [0xb5, 'CKR_SESSION_READ_ONLY', 'ERR_NOT_ALLOWED'],
  [0xd0, 'CKR_TEMPLATE_INCOMPLETE', 'ERR_OPERATION_UNSUPPORTED'],
  [0xd1, 'CKR_TEMPLATE_INCONSISTENT', 'ERR_OPERATION_UNSUPPORTED'],
  [0xe2, 'CKR_TOKEN_WRITE_PROTECTED', 'ERR_NOT_ALLOWED'],
  [0x102, 'CKR_USER_PIN_NOT_INITIALIZED', 'ERR_PIN_WRONG'],
  [0x103, 'CKR_USER_TYPE_INVALID', 'ERR_OPERATION_UNSUPPORTED'],
  [0x104, 'CKR_USER_ANOTHER_ALREADY_LOGGED_IN', 'ERR_NOT_ALLOWED'],
  [0x130, 'CKR_DOMAIN_PARAMS_INVALID', 'ERR_ALGORITHM_UNSUPPORTED'],
  [0x140, 'CKR_CURVE_NOT_SUPPORTED', 'ERR_ALGORITHM_UNSUPPORTED'],
  [0x150, 'CKR_BUFFER_TOO_SMALL', 'ERR_PROVIDER_FAULT'],
  [0x200, 'CKR_FUNCTION_REJECTED', 'ERR_NOT_ALLOWED'],
  [0x203, 'CKR_KEY_EXHAUSTED', 'ERR_KEY_NOT_USABLE'],
]

/** The table. */
export const RETURN_VALUES: ReadonlyMap<number, ReturnValue> = new Map<number, ReturnValue>([
  ...OUTAGES.map(
    ([value, name, remedy]) => [value, { name, code: 'ERR_PROVIDER_UNAVAILABLE', remedy }] as const,
  ),
  ...REFUSALS.map(([value, name, code]) => [value, { name, code, remedy: 'operator' }] as const),
])

/** What a value means that is not in the table: a vendor's own, which fresh sessions may cure. */
export function unlistedValue(name: string): ReturnValue {
  return { name, code: 'ERR_PROVIDER_UNAVAILABLE', remedy: 'reopen' }
}
