/** What became of the calls to sign, by key version: which ones sign, which fail and why, which no longer answer. */
import { CountersignError, toCountersignError } from '../../errors.ts'
import type { KeyVersion } from '../../keys/key.ts'
import type { CallEnd, SigningObserver } from '../../rotation/open-signers.ts'

/** The newest that is known of a version. */
export interface SigningOutcome {
  /** Undefined: it signs. */
  readonly failure: CountersignError | undefined
  /** When that began to be so. */
  readonly since: Date
  /** When the newest call ended, in the milliseconds of the monotonic clock. */
  readonly atMs: number
}

/** The clocks of this machine. */
export interface OutcomeClock {
  readonly now: () => Date
  readonly monotonicMs: () => number
}

interface Version {
  /** When each call began that has not ended, the oldest first. */
  readonly running: Set<{ readonly beganMs: number }>
  signedAtMs: number
  outcome: SigningOutcome | undefined
}

/** A backend that has answered none of the calls since one of this age does not answer. */
const STALLED_MS = 10_000

/** Calls that their deadline ended sooner had waited elsewhere, so the backend is not to blame. */
const SLOW_MS = 1000

/** Refused for their number: the backend answers, and signs what it has room for. */
const REFUSED_FOR_NUMBER: ReadonlySet<unknown> = new Set([
  'ERR_CANCELLED',
  'ERR_OVERLOADED',
  'ERR_THROTTLED',
])

/** Follows every call; the newest outcome counts, so that a failing request is seen at once and heals with the next. */
export class SigningOutcomes implements SigningObserver {
  readonly #clock: OutcomeClock
  /** By kid. */
  readonly #versions = new Map<string, Version>()

  constructor(clock: OutcomeClock) {
    this.#clock = clock
  }

  readonly begin = ({ publicKey }: KeyVersion): ((end: CallEnd) => void) => {
    const version = this.#versionOf(publicKey.kid)
    const call = { beganMs: this.#clock.monotonicMs() }
    version.running.add(call)
    return (end) => {
      version.running.delete(call)
      const tookMs = this.#clock.monotonicMs() - call.beganMs
      if (end === 'signed') this.#settle(version, undefined)
      else if (end !== 'opened' && isOfBackend(end.thrown, tookMs))
        this.#settle(version, end.thrown)
    }
  }

  /** The newest of a version; undefined where nothing is known yet. */
  of(kid: string): SigningOutcome | undefined {
    const version = this.#versions.get(kid)
    return version && (this.#stalled(version) ?? version.outcome)
  }

  /** Forgets all versions but these. */
  keepOnly(kids: ReadonlySet<string>): void {
    for (const kid of this.#versions.keys()) if (!kids.has(kid)) this.#versions.delete(kid)
  }

  #versionOf(kid: string): Version {
    const known = this.#versions.get(kid)
    if (known !== undefined) return known
    const version = { running: new Set<never>(), signedAtMs: -Infinity, outcome: undefined }
    this.#versions.set(kid, version)
    return version
  }

  #settle(version: Version, thrown: unknown): void {
    const atMs = this.#clock.monotonicMs()
    const failure = thrown === undefined ? undefined : toCountersignError(thrown)
    if (failure === undefined) version.signedAtMs = atMs
    const { outcome } = version
    const goesOn =
      outcome !== undefined && (outcome.failure === undefined) === (failure === undefined)
    version.outcome = { failure, since: goesOn ? outcome.since : this.#clock.now(), atMs }
  }

  #stalled({ outcome, running, signedAtMs }: Version): SigningOutcome | undefined {
    const [oldest] = running
    if (oldest === undefined || signedAtMs > oldest.beganMs) return undefined
    const { monotonicMs, now } = this.#clock
    const waitedMs = monotonicMs() - oldest.beganMs
    if (waitedMs < STALLED_MS) return undefined
    const seconds = Math.floor(waitedMs / 1000)
    const since = outcome?.failure && outcome.since
    return {
      failure: new CountersignError(
        'ERR_TIMEOUT',
        `the backend has not answered for ${seconds} s, and signed nothing since`,
      ),
      since: since ?? new Date(now().getTime() - waitedMs),
      atMs: oldest.beganMs,
    }
  }
}

function isOfBackend(thrown: unknown, tookMs: number): boolean {
  const { code, details } = toCountersignError(thrown)
  // What a backend said is in the details, where callers are told something else.
  if (REFUSED_FOR_NUMBER.has(details['backend'] ?? code)) return false
  return code !== 'ERR_TIMEOUT' || tookMs >= SLOW_MS
}
