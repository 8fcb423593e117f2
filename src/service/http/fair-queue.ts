/**
 * A bounded queue before the work that costs: so many at a time, so many waiting, and an honest refusal for the
 * rest, at once and not after a long wait. One owner never takes more than half of it.
 *
 * @packageDocumentation
 */
import { toCancellation } from '../../basics/cancellation.ts'
import { CountersignError } from '../../errors.ts'

/** Bounds of a queue. */
export interface QueueLimits {
  readonly maxConcurrent: number
  readonly maxQueue: number
}

interface Waiting {
  readonly owner: string
  readonly admit: () => void
}

/** Admits work in the order it came, except that of owners who have their share already. */
export class FairQueue {
  readonly #limits: QueueLimits
  /** By owner: work that was admitted and has not left; changed by {@link enter} and {@link leave} only. */
  readonly #running = new Counter()
  readonly #waitingOf = new Counter()
  readonly #waiting = new Set<Waiting>()

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /**
   * Waits for a place, which must be given back by {@link leave}.
   *
   * @throws {@link CountersignError} ERR_OVERLOADED — the queue is full; ERR_THROTTLED — the owner's share of it
   * is; ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted while waiting
   */
  async enter(owner: string, signal: AbortSignal): Promise<void> {
    if (this.#hasPlaceFor(owner)) {
      this.#running.add(owner)
      return
    }
    const { maxQueue } = this.#limits
    if (this.#waiting.size >= maxQueue) throw overloaded()
    if (this.#waitingOf.of(owner) >= half(maxQueue)) throw overShare()
    await this.#wait(owner, signal)
  }

  /** Gives the place of an owner to the first who waits and has not got a full share. */
  leave(owner: string): void {
    this.#running.remove(owner)
    for (const { owner: next, admit } of this.#waiting) {
      if (!this.#hasPlaceFor(next)) continue
      this.#running.add(next)
      admit()
      return
    }
  }

  #hasPlaceFor(owner: string): boolean {
    const { maxConcurrent } = this.#limits
    return this.#running.total < maxConcurrent && this.#running.of(owner) < half(maxConcurrent)
  }

  #wait(owner: string, signal: AbortSignal): Promise<undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const stop = (): void => {
      this.#waiting.delete(waiting)
      this.#waitingOf.remove(owner)
      signal.removeEventListener('abort', giveUp)
    }
    const giveUp = (): void => {
      stop()
      reject(toCancellation(signal))
    }
    const waiting = {
      owner,
      admit: () => {
        stop()
        resolve(undefined)
      },
    }
    this.#waiting.add(waiting)
    this.#waitingOf.add(owner)
    signal.addEventListener('abort', giveUp, { once: true })
    if (signal.aborted) giveUp()
    return promise
  }
}

/** What one owner may have of a whole; at least one. */
function half(whole: number): number {
  return Math.ceil(whole / 2)
}

/** Counts by owner, and forgets owners with nothing. */
class Counter {
  readonly #counts = new Map<string, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  of(owner: string): number {
    return this.#counts.get(owner) ?? 0
  }

  add(owner: string): void {
    this.#total += 1
    this.#counts.set(owner, this.of(owner) + 1)
  }

  remove(owner: string): void {
    this.#total -= 1
    const left = this.of(owner) - 1
    if (left > 0) this.#counts.set(owner, left)
    else this.#counts.delete(owner)
  }
}

function overloaded(): CountersignError {
  return new CountersignError('ERR_OVERLOADED', 'more requests wait than the service takes', {
    retryAfterSeconds: 1,
  })
}

function overShare(): CountersignError {
  return new CountersignError('ERR_THROTTLED', 'too many requests of this caller wait', {
    hint: 'wait for answers before sending more',
    retryAfterSeconds: 1,
  })
}
