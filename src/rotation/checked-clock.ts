/**
 * The clock that everything is dated by. A wrong time makes a thief's signature look older than the
 * revocation of its key, so nothing is released by a clock that contradicts the store, the log or itself.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { Key } from '../keys/key.ts'
import type { LogReader } from '../log/log-records.ts'

/** The clocks of a machine. */
export interface MachineClock {
  /** The wall clock, which can be set. */
  readonly now: () => Date
  /** Milliseconds since some moment; it cannot be set. */
  readonly monotonicMs: () => number
}

/** What a clock is held against: a store, or one transaction of it. */
export interface TimeSource {
  readonly log: Pick<LogReader, 'head'>
  /** The time by the clock that all replicas share; undefined where the store has none of its own. */
  clock(): Promise<Date | undefined>
}

/** What a clock is made of. */
export interface CheckedClockOptions {
  readonly machine: MachineClock
  /** The least L among these is how far the clocks of two replicas may be apart. */
  readonly keys: () => readonly Pick<Key, 'policy'>[]
}

/** A moment by the best clock there is. */
interface Reference {
  readonly timeMs: number
  /** The same moment by the monotonic clock. */
  readonly monotonicMs: number
  /** Half of the time that reading it took. */
  readonly uncertaintyMs: number
}

/** How long {@link CheckedClock.assertRight} relies on a check that passed. */
const CHECK_EVERY_MS = 1000

/** A wall clock, held against everything that could show it to be wrong. */
export class CheckedClock {
  readonly #options: CheckedClockOptions
  /** The last answer of the store, or the start of this process where the store has no clock. */
  #reference: Reference
  /** When a check last passed, by the monotonic clock. */
  #checkedAtMs = -Infinity
  #checking: Promise<Date> | undefined

  constructor(options: CheckedClockOptions) {
    this.#options = options
    const { machine } = options
    this.#reference = {
      timeMs: machine.now().getTime(),
      monotonicMs: machine.monotonicMs(),
      uncertaintyMs: 0,
    }
  }

  /** The time since the reference by the monotonic clock: setting the wall clock does not change it. */
  readonly now = (): Date => {
    const { timeMs, monotonicMs } = this.#reference
    return new Date(Math.floor(timeMs + this.#options.machine.monotonicMs() - monotonicMs))
  }

  /**
   * Compares the wall clock with the store's, with its own past, and with the latest entry of the log.
   *
   * @returns the time
   * @throws {@link CountersignError} ERR_CLOCK — it differs from one of them by more than L; and the errors
   * of the store
   */
  async check(source: TimeSource): Promise<Date> {
    try {
      const now = await this.checkMachine(source)
      const { latest } = await source.log.head()
      if (latest !== undefined && this.isBehind(latest)) throw behindLog(now, latest)
      this.#checkedAtMs = this.#options.machine.monotonicMs()
      return now
    } catch (error) {
      this.#checkedAtMs = -Infinity
      throw error
    }
  }

  /**
   * As {@link check}, without the log.
   *
   * @throws {@link CountersignError} as {@link check}
   */
  async checkMachine(source: Pick<TimeSource, 'clock'>): Promise<Date> {
    await this.#readShared(source)
    this.#assertSteady()
    return this.now()
  }

  /** Whether the time is behind another by more than L. */
  isBehind(latest: Date): boolean {
    return latest.getTime() - this.now().getTime() > this.#limitMs()
  }

  /**
   * As {@link check}, where none passed within the last second; the wall clock is looked at each time.
   *
   * @throws {@link CountersignError} as {@link check}
   */
  async assertRight(source: TimeSource): Promise<void> {
    const sinceMs = this.#options.machine.monotonicMs() - this.#checkedAtMs
    if (sinceMs < CHECK_EVERY_MS) {
      this.#assertSteady()
      return
    }
    this.#checking ??= this.check(source).finally(() => {
      this.#checking = undefined
    })
    await this.#checking
  }

  /**
   * The time for a change that stops signing, and so must not wait for a clock: by the store's clock, or
   * since the start, whatever the wall clock and the log say.
   *
   * @throws {@link CountersignError} the errors of the store
   */
  async checkOrEstimate(source: TimeSource): Promise<Date> {
    try {
      return await this.check(source)
    } catch (error) {
      if (!CountersignError.is(error, 'ERR_CLOCK')) throw error
      return this.now()
    }
  }

  #limitMs(): number {
    const lags = this.#options.keys().map(({ policy }) => policy.signerLagSeconds)
    return Math.min(...lags) * 1000
  }

  async #readShared(source: Pick<TimeSource, 'clock'>): Promise<void> {
    const { monotonicMs } = this.#options.machine
    const startMs = monotonicMs()
    const shared = await source.clock()
    if (shared === undefined) return
    const endMs = monotonicMs()
    const uncertaintyMs = (endMs - startMs) / 2
    // Read somewhere between the two moments.
    const timeMs = shared.getTime() + uncertaintyMs
    this.#reference = { timeMs, monotonicMs: endMs, uncertaintyMs }
  }

  #assertSteady(): void {
    const { machine } = this.#options
    const offsetMs = machine.now().getTime() - this.now().getTime()
    if (Math.abs(offsetMs) <= this.#limitMs() + this.#reference.uncertaintyMs) return
    const seconds = Math.round(Math.abs(offsetMs) / 1000)
    const where = offsetMs > 0 ? 'ahead of' : 'behind'
    throw wrongClock(
      `the clock of this machine is ${seconds} s ${where} the time it should show`,
      offsetMs,
      'synchronize this machine and the database with one time server (chronyc tracking); with a SQLite store, restart the service once the clock is right',
    )
  }
}

function behindLog(now: Date, latest: Date): CountersignError<'ERR_CLOCK'> {
  const offsetMs = now.getTime() - latest.getTime()
  return wrongClock(
    `the clock is ${Math.round(-offsetMs / 1000)} s behind the latest entry of the log`,
    offsetMs,
    'set the clock right; if it is right and the entry is wrong, see docs/runbooks/clock.md',
  )
}

function wrongClock(
  message: string,
  offsetMs: number,
  hint: string,
): CountersignError<'ERR_CLOCK'> {
  return new CountersignError('ERR_CLOCK', message, {
    hint,
    details: { offsetMs: Math.round(offsetMs) },
  })
}
