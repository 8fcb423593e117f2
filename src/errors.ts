/**
 * Every way countersign can fail: one class, one union of codes, and the tables that give each code
 * its exit status, its HTTP status and its answer to "should I try again?".
 *
 * @packageDocumentation
 */

/** Stable name of one way to fail; each has a row in docs/errors.md. */
export type ErrorCode =
  | 'ERR_INTERNAL'
  | 'ERR_USAGE'
  | 'ERR_CONFIG_INVALID'
  | 'ERR_REFERENCE_INVALID'
  | 'ERR_KEY_URI_INVALID'
  | 'ERR_KEY_INVALID'
  | 'ERR_KEY_EXISTS'
  | 'ERR_ALGORITHM_UNSUPPORTED'
  | 'ERR_OPERATION_UNSUPPORTED'
  | 'ERR_FORMAT_UNSUPPORTED'
  | 'ERR_MODULE_UNAVAILABLE'
  | 'ERR_INPUT_TOO_LARGE'
  | 'ERR_FILE_READ'
  | 'ERR_FILE_WRITE'
  | 'ERR_ARTIFACT_NOT_FOUND'
  | 'ERR_PREDICATE_INVALID'
  | 'ERR_REQUEST_INVALID'
  | 'ERR_ROUTE_NOT_FOUND'
  | 'ERR_IDEMPOTENCY_CONFLICT'
  | 'ERR_TRUST_INVALID'
  | 'ERR_POLICY_INVALID'
  | 'ERR_JSON_INVALID'
  | 'ERR_BUNDLE_INVALID'
  | 'ERR_ENVELOPE_INVALID'
  | 'ERR_STATEMENT_INVALID'
  | 'ERR_MANIFEST_INVALID'
  | 'ERR_NOTE_INVALID'
  | 'ERR_JWT_INVALID'
  | 'ERR_SIGNATURE_INVALID'
  | 'ERR_DIGEST_MISMATCH'
  | 'ERR_SUBJECT_MISMATCH'
  | 'ERR_TIMESTAMP_INVALID'
  | 'ERR_LOG_PROOF_INVALID'
  | 'ERR_PROVIDER_FAULT'
  | 'ERR_TRUST_ROLLED_BACK'
  | 'ERR_TRUST_CONFLICT'
  | 'ERR_PREDICATE_TYPE_MISMATCH'
  | 'ERR_IDENTITY_MISMATCH'
  | 'ERR_ANNOTATION_MISMATCH'
  | 'ERR_THRESHOLD_NOT_MET'
  | 'ERR_WITNESS_MISSING'
  | 'ERR_JWT_CLAIM_MISMATCH'
  | 'ERR_CLAIMS_NOT_ALLOWED'
  | 'ERR_SIGNATURE_NOT_FOUND'
  | 'ERR_KEY_NOT_FOUND'
  | 'ERR_KEY_NOT_TRUSTED'
  | 'ERR_KEY_NOT_USABLE'
  | 'ERR_KEY_USE_MISMATCH'
  | 'ERR_KEY_REVOKED'
  | 'ERR_KEY_OUTSIDE_VALIDITY'
  | 'ERR_TRANSITION_TOO_EARLY'
  | 'ERR_TRANSITION_REFUSED'
  | 'ERR_JWT_EXPIRED'
  | 'ERR_TRUST_EXPIRED'
  | 'ERR_TOKEN_NOT_FOUND'
  | 'ERR_NETWORK'
  | 'ERR_TIMEOUT'
  | 'ERR_CANCELLED'
  | 'ERR_THROTTLED'
  | 'ERR_PROVIDER_UNAVAILABLE'
  | 'ERR_REGISTRY_UNAVAILABLE'
  | 'ERR_REGISTRY_PROTOCOL'
  | 'ERR_REFERRERS_CONFLICT'
  | 'ERR_OVERLOADED'
  | 'ERR_STATE_CONFLICT'
  | 'ERR_STORE_UNAVAILABLE'
  | 'ERR_STORE_BEHIND'
  | 'ERR_LOG_UNAVAILABLE'
  | 'ERR_CLOCK'
  | 'ERR_KEY_RULES_DIFFER'
  | 'ERR_TRUST_STALE'
  | 'ERR_NOT_AUTHENTICATED'
  | 'ERR_NOT_ALLOWED'
  | 'ERR_APPROVAL_REQUIRED'
  | 'ERR_PASSPHRASE_WRONG'
  | 'ERR_PIN_WRONG'
  | 'ERR_PIN_LOCKED'

/** Exit status of the command line, by cause; never renumbered. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

/** What one code means to each surface: process exit status, HTTP status, whether to try again. */
export interface ErrorTraits {
  readonly exit: ExitCode
  readonly http: number
  readonly retryable: boolean
}

const traits = (exit: ExitCode, http: number, retryable = false): ErrorTraits => ({
  exit,
  http,
  retryable,
})

/**
 * The table of all codes: a new code does not compile until every surface has its answer.
 *
 * @example
 * ```ts
 * import { ERROR_TRAITS } from 'countersign/verify'
 *
 * console.log(ERROR_TRAITS.ERR_NETWORK.retryable) // true
 * ```
 */
export const ERROR_TRAITS: Readonly<Record<ErrorCode, ErrorTraits>> = {
  ERR_INTERNAL: traits(1, 500),

  ERR_USAGE: traits(2, 400),
  ERR_CONFIG_INVALID: traits(2, 500),
  ERR_REFERENCE_INVALID: traits(2, 400),
  ERR_KEY_URI_INVALID: traits(2, 400),
  ERR_KEY_INVALID: traits(2, 400),
  ERR_KEY_EXISTS: traits(2, 409),
  ERR_ALGORITHM_UNSUPPORTED: traits(2, 400),
  ERR_OPERATION_UNSUPPORTED: traits(2, 400),
  ERR_FORMAT_UNSUPPORTED: traits(2, 500),
  ERR_MODULE_UNAVAILABLE: traits(2, 500),
  ERR_INPUT_TOO_LARGE: traits(2, 413),
  ERR_FILE_READ: traits(2, 500),
  ERR_FILE_WRITE: traits(2, 500),
  ERR_ARTIFACT_NOT_FOUND: traits(2, 404),
  ERR_PREDICATE_INVALID: traits(2, 400),
  ERR_TRUST_INVALID: traits(2, 400),
  ERR_REQUEST_INVALID: traits(2, 400),
  ERR_ROUTE_NOT_FOUND: traits(2, 404),
  ERR_IDEMPOTENCY_CONFLICT: traits(2, 422),
  ERR_POLICY_INVALID: traits(2, 500),

  ERR_JSON_INVALID: traits(3, 400),
  ERR_BUNDLE_INVALID: traits(3, 400),
  ERR_ENVELOPE_INVALID: traits(3, 400),
  ERR_STATEMENT_INVALID: traits(3, 400),
  ERR_MANIFEST_INVALID: traits(3, 502),
  ERR_NOTE_INVALID: traits(3, 400),
  ERR_JWT_INVALID: traits(3, 200),
  ERR_SIGNATURE_INVALID: traits(3, 200),
  ERR_DIGEST_MISMATCH: traits(3, 200),
  ERR_SUBJECT_MISMATCH: traits(3, 200),
  ERR_TIMESTAMP_INVALID: traits(3, 200),
  ERR_LOG_PROOF_INVALID: traits(3, 200),
  ERR_PROVIDER_FAULT: traits(3, 500),
  ERR_TRUST_ROLLED_BACK: traits(3, 409),
  ERR_TRUST_CONFLICT: traits(3, 409),

  ERR_PREDICATE_TYPE_MISMATCH: traits(4, 200),
  ERR_IDENTITY_MISMATCH: traits(4, 200),
  ERR_ANNOTATION_MISMATCH: traits(4, 200),
  ERR_THRESHOLD_NOT_MET: traits(4, 200),
  ERR_WITNESS_MISSING: traits(4, 200),
  ERR_JWT_CLAIM_MISMATCH: traits(4, 200),
  ERR_CLAIMS_NOT_ALLOWED: traits(4, 422),

  ERR_SIGNATURE_NOT_FOUND: traits(5, 200),

  ERR_KEY_NOT_FOUND: traits(6, 404),
  ERR_KEY_NOT_TRUSTED: traits(6, 200),
  ERR_KEY_NOT_USABLE: traits(6, 409),
  ERR_KEY_USE_MISMATCH: traits(6, 200),
  ERR_KEY_REVOKED: traits(6, 409),
  ERR_KEY_OUTSIDE_VALIDITY: traits(6, 200),
  ERR_TRANSITION_TOO_EARLY: traits(6, 409),
  ERR_TRANSITION_REFUSED: traits(6, 409),
  ERR_JWT_EXPIRED: traits(6, 200),
  ERR_TRUST_EXPIRED: traits(6, 200),
  ERR_TOKEN_NOT_FOUND: traits(6, 500),

  ERR_NETWORK: traits(7, 502, true),
  ERR_TIMEOUT: traits(7, 504, true),
  ERR_CANCELLED: traits(7, 499, true),
  ERR_THROTTLED: traits(7, 429, true),
  ERR_PROVIDER_UNAVAILABLE: traits(7, 503, true),
  ERR_REGISTRY_UNAVAILABLE: traits(7, 502, true),
  ERR_REGISTRY_PROTOCOL: traits(7, 502),
  ERR_REFERRERS_CONFLICT: traits(7, 503, true),
  ERR_OVERLOADED: traits(7, 503, true),
  ERR_STATE_CONFLICT: traits(7, 409, true),
  ERR_STORE_UNAVAILABLE: traits(7, 503, true),
  ERR_STORE_BEHIND: traits(7, 503),
  ERR_LOG_UNAVAILABLE: traits(7, 503, true),
  ERR_CLOCK: traits(7, 503, true),
  ERR_KEY_RULES_DIFFER: traits(7, 503, true),
  ERR_TRUST_STALE: traits(7, 503),

  ERR_NOT_AUTHENTICATED: traits(8, 401),
  ERR_NOT_ALLOWED: traits(8, 403),
  ERR_APPROVAL_REQUIRED: traits(8, 403),
  ERR_PASSPHRASE_WRONG: traits(8, 500),
  ERR_PIN_WRONG: traits(8, 500),
  ERR_PIN_LOCKED: traits(8, 500),
}

/**
 * Causes that a surface knows a remedy for, where the code alone is too wide; each has a row in docs/errors.md.
 * The command line and the Action look up what to type by them.
 *
 * @example
 * ```ts
 * import { ERROR_REASONS } from 'countersign/verify'
 *
 * console.log(ERROR_REASONS.includes('token-type-differs')) // true
 * ```
 */
export const ERROR_REASONS = [
  'address-not-taken',
  'approvals-missing',
  'bundle-exists',
  'bundle-place-shared',
  'bundle-place-unknown',
  'bundle-unknown',
  'certificate-untrusted',
  'checkpoint-missing',
  'identity-not-expected',
  'image-bundle-place-unknown',
  'key-exists',
  'key-file-missing',
  'key-of-other-store',
  'key-rules-differ',
  'key-still-signing',
  'log-damaged',
  'log-entry-unproven',
  'log-not-trusted',
  'log-object-damaged',
  'log-proof-malformed',
  'log-proof-missing',
  'no-active-version',
  'no-active-version-published',
  'no-digest-signer',
  'no-referrers-api',
  'no-such-key',
  'no-such-version',
  'nothing-signed',
  'older-layout-without-place',
  'older-signature-unlogged',
  'other-key-named',
  'passphrase-missing',
  'policy-mistake',
  'predicate-type-not-accepted',
  'referrer-not-listed',
  'referrers-tag-refused',
  'registry-without-tls',
  'saved-trust-expired',
  'schema-behind',
  'several-config-mistakes',
  'signature-by-other-key',
  'signature-unlogged',
  'signing-time-unknown',
  'time-stamp-unproven',
  'token-claim-added',
  'token-issuer-differs',
  'token-type-differs',
  'too-few-signers',
  'too-many-attached',
  'too-much-attached',
  'trust-key-changed-often',
  'trust-key-not-pinned',
  'trusted-key-missing',
  'trusted-root-missing',
  'type-of-signatures',
  'version-not-as-logged',
  'version-not-named',
] as const

/** Stable name of one such cause. */
export type ErrorReason = (typeof ERROR_REASONS)[number]

/** Flat, printable facts about a failure; never a PIN, a passphrase, a token or a payload. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

/** What an error may carry beside its code and message. */
export interface CountersignErrorOptions {
  /** What to do next, in one line; names no option and no command, for these depend on the surface. */
  readonly hint?: string | undefined
  /** Why, for a surface that adds what to type; it is in the details too. */
  readonly reason?: ErrorReason | undefined
  /** When to try again, known by what refused: a circuit breaker, a quota, a restart; it is in the details too. */
  readonly retryAfterSeconds?: number | undefined
  readonly details?: ErrorDetails | undefined
  /** The error below this one; logged, never sent to a caller. */
  readonly cause?: unknown
}

/** By it a copy of this module in another package, or another version of it, recognises the errors of this one. */
const BRAND = Symbol.for('countersign.error')

/**
 * The only error the library throws on purpose; `code` is stable, `message` is for people.
 *
 * @example
 * ```ts
 * import { CountersignError, verifyFile } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const trust = await readFile('release.pub', 'utf8')
 * try {
 *   await verifyFile({ path: 'app.tar.gz', trust })
 * } catch (error) {
 *   if (!CountersignError.is(error, 'ERR_SIGNATURE_NOT_FOUND')) throw error
 *   console.log(error.exitCode) // 5
 * }
 * ```
 */
export class CountersignError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name: string = 'CountersignError'
  readonly code: Code
  readonly hint: string | undefined
  readonly reason: ErrorReason | undefined
  readonly details: ErrorDetails

  constructor(code: Code, message: string, options: CountersignErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    const { hint, reason, retryAfterSeconds, details = {} } = options
    this.hint = hint
    this.reason = reason
    this.details = {
      ...(reason !== undefined && { reason }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...details,
    }
  }

  static {
    Object.defineProperty(this.prototype, BRAND, { value: true })
  }

  /** By brand, since `countersign` and `@countersign/verify` in one process each have this class. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }

  /** Process exit status of this failure. */
  get exitCode(): ExitCode {
    return ERROR_TRAITS[this.code].exit
  }

  /** Whether the same call may succeed later without a change. */
  get retryable(): boolean {
    return ERROR_TRAITS[this.code].retryable
  }

  /** Seconds after which the same call may succeed; undefined where nothing knows. */
  get retryAfterSeconds(): number | undefined {
    const { retryAfterSeconds } = this.details
    return typeof retryAfterSeconds === 'number' ? retryAfterSeconds : undefined
  }

  /** Whether a caught value is a CountersignError, with the given code, if any. */
  static is<C extends ErrorCode>(value: unknown, code?: C): value is CountersignError<C> {
    return value instanceof CountersignError && (code === undefined || value.code === code)
  }
}

/**
 * Wraps anything that is not already a CountersignError as `ERR_INTERNAL`: a bug of ours.
 *
 * @example
 * ```ts
 * import { toCountersignError } from 'countersign/verify'
 *
 * console.log(toCountersignError(new Error('disk on fire')).code) // ERR_INTERNAL
 * ```
 */
export function toCountersignError(value: unknown): CountersignError {
  if (CountersignError.is(value)) return value
  const message = value instanceof Error ? value.message : String(value)
  return new CountersignError('ERR_INTERNAL', `unexpected failure: ${message}`, {
    hint: 'this is a bug in countersign; please report it with the command and the -v output',
    cause: value,
  })
}
