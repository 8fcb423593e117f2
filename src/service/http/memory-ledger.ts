/** What bodies under way take of the memory: in all, by owner, and by the key that they are for. */
import { CountersignError } from '../../errors.ts'
import type { Place } from './fair-queue.ts'
import { Shares } from './shares.ts'

/** Bytes that may be taken. */
export interface LedgerLimits {
  readonly all: number
  readonly each: number
  /** How many parts share it; see {@link Shares}. */
  readonly parts: () => number
}

/** Counts memory that is taken, and refuses what is over its bounds. */
export class MemoryLedger {
  readonly #limits: LedgerLimits
  /** By owner, without owners that have nothing. */
  readonly #taken = new Map<string, number>()
  readonly #parts: Shares

  constructor(limits: LedgerLimits) {
    this.#limits = limits
    this.#parts = new Shares(limits.all, limits.parts)
  }

  /**
   * Takes memory for an owner, to be given back by {@link give}.
   *
   * @throws {@link CountersignError} ERR_THROTTLED — the owner has too much; ERR_OVERLOADED — all have, or the
   * requests for this key
   */
  take({ owner, part }: Place, bytes: number): void {
    const taken = this.of(owner) + bytes
    if (taken > this.#limits.each) throw overShare()
    if (!this.#parts.fits(part, bytes)) throw overloaded()
    this.#taken.set(owner, taken)
    this.#parts.take(part, bytes)
  }

  /** Gives back what an owner took. */
  give({ owner, part }: Place, bytes: number): void {
    const left = this.of(owner) - bytes
    if (left > 0) this.#taken.set(owner, left)
    else this.#taken.delete(owner)
    this.#parts.give(part, bytes)
  }

  /** What an owner has taken. */
  of(owner: string): number {
    return this.#taken.get(owner) ?? 0
  }
}

function overShare(): CountersignError {
  return new CountersignError('ERR_THROTTLED', 'this caller sends too much at once', {
    hint: 'wait for answers before sending more',
    retryAfterSeconds: 1,
  })
}

function overloaded(): CountersignError {
  return new CountersignError(
    'ERR_OVERLOADED',
    'more is being sent than the service takes at once',
    { retryAfterSeconds: 1 },
  )
}
