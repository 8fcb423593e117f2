/**
 * A bounded queue before the work that costs: so many at a time, so many waiting, and an honest refusal for the
 * rest, at once and not after a long wait. One owner never takes more than half of it, and the requests for one key
 * never the slots that are kept for each other key: where its backend hangs, they stay until their time is over.
 *
 * @packageDocumentation
 */
import { toCancellation } from '../../basics/cancellation.ts'
import { CountersignError } from '../../errors.ts'
import type { Account } from './account.ts'
import { Shares } from './shares.ts'

/** Bounds of a queue. */
export interface QueueLimits {
  readonly maxConcurrent: number
  readonly maxQueue: number
  /** How many parts share it; see {@link Shares}. */
  readonly parts: () => number
}

/** How full a queue is. */
export interface QueueLoad {
  /** Work that has a place. */
  readonly running: number
  /** Work that waits for one. */
  readonly waiting: number
}

/** For whom a place is taken, and for which key. */
export type Place = Pick<Account, 'owner' | 'part'>

interface Waiting {
  readonly place: Place
  readonly order: number
  readonly admit: () => void
}

/** Admits work in the order it came, except that of owners and keys that have their share already. */
export class FairQueue implements QueueLoad {
  readonly #limits: QueueLimits
  /** Work that was admitted and has not left; changed by {@link enter} and {@link leave} only. */
  readonly #running: Bounds
  readonly #queued: Bounds
  /** By part, so that who waits for a backend that hangs is not looked at for every other. */
  readonly #waiting = new Map<string, Set<Waiting>>()
  #order = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
    this.#running = new Bounds(limits.maxConcurrent, limits.parts)
    this.#queued = new Bounds(limits.maxQueue, limits.parts)
  }

  get running(): number {
    return this.#running.parts.total
  }

  get waiting(): number {
    return this.#queued.parts.total
  }

  /**
   * Waits for a place, which must be given back by {@link leave}.
   *
   * @throws {@link CountersignError} ERR_OVERLOADED — the queue is full, or what one key may have of it; ERR_THROTTLED
   * — the owner's share of it is; ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted while waiting
   */
  async enter(place: Place, signal: AbortSignal): Promise<void> {
    if (this.#running.fits(place)) {
      this.#running.take(place)
      return
    }
    if (this.#queued.parts.total >= this.#limits.maxQueue) throw overloaded()
    if (!this.#queued.hasShareOf(place.owner)) throw overShare()
    if (!this.#queued.parts.fits(place.part)) throw overloaded()
    await this.#wait(place, signal)
  }

  /** Gives a place to the first who waits and has not got a full share. */
  leave(place: Place): void {
    this.#running.give(place)
    const [next] = [...this.#waiting.values()]
      .flatMap((waiting) => firstThat(waiting, (each) => this.#running.fits(each.place)))
      .toSorted((a, b) => a.order - b.order)
    if (next === undefined) return
    this.#running.take(next.place)
    next.admit()
  }

  #wait(place: Place, signal: AbortSignal): Promise<undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const stop = (): void => {
      this.#remove(waiting)
      this.#queued.give(place)
      signal.removeEventListener('abort', giveUp)
    }
    const giveUp = (): void => {
      stop()
      reject(toCancellation(signal))
    }
    const waiting = {
      place,
      order: (this.#order += 1),
      admit: () => {
        stop()
        resolve(undefined)
      },
    }
    this.#add(waiting)
    this.#queued.take(place)
    signal.addEventListener('abort', giveUp, { once: true })
    if (signal.aborted) giveUp()
    return promise
  }

  #add(waiting: Waiting): void {
    const { part } = waiting.place
    const all = this.#waiting.get(part) ?? new Set()
    this.#waiting.set(part, all.add(waiting))
  }

  #remove(waiting: Waiting): void {
    const { part } = waiting.place
    const all = this.#waiting.get(part)
    all?.delete(waiting)
    if (all?.size === 0) this.#waiting.delete(part)
  }
}

/** The first of some that fits, or none. */
function firstThat<T>(all: Iterable<T>, fits: (each: T) => boolean): readonly T[] {
  for (const each of all) if (fits(each)) return [each]
  return []
}

/** What is in use of one capacity: by owner, half of it at most, and by part. */
class Bounds {
  readonly parts: Shares
  readonly #half: number
  /** Without owners that use nothing. */
  readonly #owners = new Map<string, number>()

  constructor(capacity: number, parts: () => number) {
    this.parts = new Shares(capacity, parts)
    this.#half = Math.ceil(capacity / 2)
  }

  hasShareOf(owner: string): boolean {
    return this.#of(owner) < this.#half
  }

  fits({ owner, part }: Place): boolean {
    return this.hasShareOf(owner) && this.parts.fits(part)
  }

  take({ owner, part }: Place): void {
    this.#owners.set(owner, this.#of(owner) + 1)
    this.parts.take(part)
  }

  give({ owner, part }: Place): void {
    const left = this.#of(owner) - 1
    if (left > 0) this.#owners.set(owner, left)
    else this.#owners.delete(owner)
    this.parts.give(part)
  }

  #of(owner: string): number {
    return this.#owners.get(owner) ?? 0
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
