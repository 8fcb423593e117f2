/**
 * Whether a key version counts for a signature: its state and window judged at trusted times. A window
 * is never skipped because a time is missing.
 *
 * @packageDocumentation
 */
import { CountersignError, type CountersignErrorOptions, type ErrorCode } from '../errors.ts'
import { nameKey, type TrustedKey } from './trust.ts'

/** A time from a trusted source: the signature existed then. */
export interface TrustedTime {
  readonly source: 'timestamp-authority' | 'transparency-log'
  readonly time: Date
}

/**
 * Refuses a signature made by a key version outside its window.
 *
 * | state | accepted |
 * |---|---|
 * | pinned | always: the caller vouches for the key |
 * | active | without a trusted time while it is active now; every trusted time lies in the window |
 * | retired, destroyed | with at least one trusted time, all of them in the window |
 * | revoked | as retired, and all of them before `compromisedSince` |
 * | pending | never; one that was imported, as an active one |
 *
 * @returns why it counts, for people
 * @throws {@link CountersignError} ERR_KEY_OUTSIDE_VALIDITY, ERR_KEY_REVOKED
 */
export function assertKeyValid(
  trusted: TrustedKey,
  times: readonly TrustedTime[],
  now: Date,
): string {
  const { state, validFor } = trusted
  if (state === 'pinned') return 'pinned by you'
  const name = nameKey(trusted)
  if (state === 'pending' && !isOpen(trusted)) {
    throw refuse('ERR_KEY_OUTSIDE_VALIDITY', `${name} has not been activated: it signs nothing yet`)
  }
  if (state === 'revoked') assertBeforeCompromise(trusted, times)
  if (times.length === 0) return assertActiveNow(trusted, now)
  const outside = times.find(({ time }) => !isWithin(time, validFor))
  if (outside === undefined) return `${state}; signed within its window ${formatWindow(validFor)}`
  throw refuse(
    'ERR_KEY_OUTSIDE_VALIDITY',
    `the signature was made at ${outside.time.toISOString()}, outside the window of ${name}: ${formatWindow(validFor)}`,
    { hint: SIGN_AGAIN },
  )
}

/** Whether signatures of this moment may be good ones: the version is active, or it may sign elsewhere. */
function isOpen({ origin, state }: TrustedKey): boolean {
  return state === 'active' || (state === 'pending' && origin === 'external')
}

/** Without a trusted time, only a version that may sign at this moment counts. */
function assertActiveNow(trusted: TrustedKey, now: Date): string {
  const { state, validFor } = trusted
  const inWindow = isWithin(now, validFor)
  if (isOpen(trusted) && inWindow) {
    return `${state === 'active' ? state : 'imported'} now (${now.toISOString()})`
  }
  const what = isOpen(trusted) ? `outside its window ${formatWindow(validFor)}` : state
  throw refuse(
    'ERR_KEY_OUTSIDE_VALIDITY',
    `${nameKey(trusted)} is ${what} and no trusted time shows when the signature was made`,
  )
}

function assertBeforeCompromise(trusted: TrustedKey, times: readonly TrustedTime[]): void {
  const { compromisedSince } = trusted
  const since = compromisedSince?.toISOString() ?? 'always'
  // No compromisedSince at all means compromised from the beginning.
  const late = times.find(({ time }) => compromisedSince === undefined || time >= compromisedSince)
  if (times.length > 0 && late === undefined) return
  const when =
    late === undefined
      ? 'no trusted time shows that the signature was made before'
      : `the signature was made at ${late.time.toISOString()}`
  throw refuse(
    'ERR_KEY_REVOKED',
    `${nameKey(trusted)} is revoked: compromised since ${since}, and ${when}`,
    late === undefined && compromisedSince !== undefined ? SHOW_TIME : NOT_TRUSTED,
  )
}

function isWithin(time: Date, window: TrustedKey['validFor']): boolean {
  const { start, end } = window ?? {}
  return (start === undefined || time >= start) && (end === undefined || time <= end)
}

/** A window for people: start and end in UTC. */
function formatWindow(window: TrustedKey['validFor']): string {
  const { start, end } = window ?? {}
  return `${start?.toISOString() ?? 'the beginning'} to ${end?.toISOString() ?? 'now'}`
}

const SIGN_AGAIN = 'sign the artifact again with the active version'
const NOT_TRUSTED = { hint: `it may be forged: ${SIGN_AGAIN}` } as const
const SHOW_TIME = {
  hint: `${SIGN_AGAIN}, or give a bundle with a time stamp and the trusted root of its authority`,
  reason: 'signing-time-unknown',
} as const

function refuse(
  code: ErrorCode,
  message: string,
  remedy: Pick<CountersignErrorOptions, 'hint' | 'reason'> = SHOW_TIME,
): CountersignError {
  return new CountersignError(code, message, remedy)
}
