/** Admits work at a rate: a backend takes only so much a second, and its callers share that fairly. */
import { CountersignError } from '../errors.ts'
import { toCancellation } from './cancellation.ts'
import type { StartTimer } from './timer.ts'

/** How much is admitted, and how time is measured. */
export interface FairRateOptions {
  /** Most admissions in any second. */
  readonly perSecond: number
  /** Milliseconds; only differences count. */
  readonly now: () => number
  readonly startTimer: StartTimer
}

/** Who waits, and for how long at most. */
export interface RateEntry {
  /** Owners take turns, however much each of them asks for. */
  readonly owner: string
  readonly maxWaitMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * A token bucket behind which owners wait in turn. A tenth of the rate may come at once and the rest evenly, so
 * that no second, wherever it begins, has more than the rate.
 */
export class FairRate {
  readonly #options: FairRateOptions
  readonly #capacity: number
  readonly #perMs: number
  #tokens: number
  #filledAt: number
  /** By owner, in the order of their turns; no queue is empty. */
  readonly #waiting = new Map<string, readonly (() => void)[]>()
  #stopTimer: (() => void) | undefined

  constructor(options: FairRateOptions) {
    this.#options = options
    this.#capacity = Math.max(1, options.perSecond / 10)
    this.#perMs = (options.perSecond * 0.9) / 1000
    this.#tokens = this.#capacity
    this.#filledAt = options.now()
  }

  /**
   * Waits for a turn.
   *
   * @throws {@link CountersignError} ERR_THROTTLED — at once, where the turn would come too late; its details say
   * when to try again; ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted while waiting
   */
  async enter({ owner, maxWaitMs, signal }: RateEntry): Promise<void> {
    this.#fill()
    if (this.#waiting.size === 0 && this.#tokens >= 1) {
      this.#tokens -= 1
      return
    }
    const waitMs = this.#waitOf(owner)
    if (waitMs > maxWaitMs) throw tooMuch(waitMs)
    await this.#wait(owner, signal)
  }

  /** Until the turn of one more entry: others go first with as many turns as this owner has by then. */
  #waitOf(owner: string): number {
    const own = this.#waiting.get(owner)?.length ?? 0
    const others = [...this.#waiting].filter(([name]) => name !== owner)
    const ahead = others.reduce((sum, [, { length }]) => sum + Math.min(length, own + 1), own)
    return (ahead + 1 - this.#tokens) / this.#perMs
  }

  async #wait(owner: string, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const admit = (): void => {
      resolve(undefined)
    }
    const leave = (): void => {
      this.#remove(owner, admit)
      if (signal !== undefined) reject(toCancellation(signal))
    }
    this.#waiting.set(owner, [...(this.#waiting.get(owner) ?? []), admit])
    this.#schedule()
    signal?.addEventListener('abort', leave, { once: true })
    if (signal?.aborted === true) leave()
    await promise.finally(() => {
      signal?.removeEventListener('abort', leave)
    })
  }

  #remove(owner: string, admit: () => void): void {
    const left = this.#waiting.get(owner)?.filter((waiting) => waiting !== admit) ?? []
    if (left.length > 0) this.#waiting.set(owner, left)
    else this.#waiting.delete(owner)
  }

  #fill(): void {
    const now = this.#options.now()
    // A clock that is set back adds nothing.
    const earned = Math.max(0, now - this.#filledAt) * this.#perMs
    this.#tokens = Math.min(this.#capacity, this.#tokens + earned)
    this.#filledAt = now
  }

  /** Gives each owner one turn after another, as far as there are tokens. */
  #admitWaiting(): void {
    this.#fill()
    for (const [owner, [admit, ...left]] of this.#waiting) {
      // A hair's breadth: timers and floating point may come that much too early.
      if (this.#tokens < 0.999) break
      this.#tokens -= 1
      this.#waiting.delete(owner)
      // Behind the others; the iteration comes to it again.
      if (left.length > 0) this.#waiting.set(owner, left)
      admit?.()
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#waiting.size === 0 || this.#stopTimer !== undefined) return
    const ms = Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs))
    this.#stopTimer = this.#options.startTimer(() => {
      this.#stopTimer = undefined
      this.#admitWaiting()
    }, ms)
  }
}

function tooMuch(waitMs: number): CountersignError {
  return new CountersignError('ERR_THROTTLED', 'the backend of the key takes no more for now', {
    hint: 'send less at a time; the operator can raise the request quota of the backend',
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  })
}
