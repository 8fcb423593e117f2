/** What bodies under way take of the memory, in all and by owner. */
import { CountersignError } from '../../errors.ts'

/** Bytes that may be taken. */
export interface LedgerLimits {
  readonly all: number
  readonly each: number
}

/** Counts memory that is taken, and refuses what is over its bounds. */
export class MemoryLedger {
  readonly #limits: LedgerLimits
  /** By owner, without owners that have nothing. */
  readonly #taken = new Map<string, number>()
  #total = 0

  constructor(limits: LedgerLimits) {
    this.#limits = limits
  }

  /**
   * Takes memory for an owner, to be given back by {@link give}.
   *
   * @throws {@link CountersignError} ERR_THROTTLED — the owner has too much; ERR_OVERLOADED — all have
   */
  take(owner: string, bytes: number): void {
    const taken = this.of(owner) + bytes
    if (taken > this.#limits.each) throw overShare()
    if (this.#total + bytes > this.#limits.all) throw overloaded()
    this.#taken.set(owner, taken)
    this.#total += bytes
  }

  /** Gives back what an owner took. */
  give(owner: string, bytes: number): void {
    const left = this.of(owner) - bytes
    if (left > 0) this.#taken.set(owner, left)
    else this.#taken.delete(owner)
    this.#total -= bytes
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
