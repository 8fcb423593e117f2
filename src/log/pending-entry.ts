/** One entry on its way into the log, and the caller who waits for it. */
import { toCancellation } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'
import { type EncodedEntry, encodeEntry } from './append.ts'
import type { EntryAnswer, ProvenPlace } from './appender.ts'
import type { LogEntry } from './entry.ts'
import type { Leaf } from './append-leaves.ts'
import type { StartTimer } from '../basics/timer.ts'

/** How long and for whom an entry waits. */
export interface Wait {
  readonly maxWaitMs: number
  readonly startTimer: StartTimer
  readonly signal: AbortSignal | undefined
  /** What the transparency log says of it, if the entry does not state it. */
  readonly leaf?: Leaf | undefined
  /** Kept with it. */
  readonly answer?: EntryAnswer | undefined
}

/**
 * Settles exactly once: by the commit, by the end of its wait, or by its caller's signal, whichever is
 * first. What was settled otherwise is never reported as appended, even if it is.
 */
export class PendingEntry {
  readonly entry: LogEntry
  readonly encoded: EncodedEntry
  readonly kept: EntryAnswer | undefined
  readonly #answer = Promise.withResolvers<ProvenPlace>()
  #release: (() => void) | undefined

  /** @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — it is longer than an entry may be */
  constructor(entry: LogEntry, wait: Wait) {
    this.entry = entry
    this.encoded = encodeEntry(entry, wait.leaf)
    this.kept = wait.answer
    this.#release = this.#watch(wait)
  }

  /** Fulfils when the entry is durable. */
  get answer(): Promise<ProvenPlace> {
    return this.#answer.promise
  }

  /** Whether its caller waits no more. */
  get isSettled(): boolean {
    return this.#release === undefined
  }

  /** Tells the caller that the entry is durable. */
  fulfil(appended: ProvenPlace): void {
    this.#settle()
    this.#answer.resolve(appended)
  }

  /** Tells the caller why it is not. */
  reject(error: CountersignError): void {
    this.#settle()
    this.#answer.reject(error)
  }

  #settle(): void {
    this.#release?.()
    this.#release = undefined
  }

  #watch({ maxWaitMs, startTimer, signal }: Wait): () => void {
    const stopTimer = startTimer(() => {
      this.reject(tooLate(maxWaitMs))
    }, maxWaitMs)
    const abort = (): void => {
      if (signal !== undefined) this.reject(toCancellation(signal))
    }
    signal?.addEventListener('abort', abort, { once: true })
    return () => {
      stopTimer()
      signal?.removeEventListener('abort', abort)
    }
  }
}

function tooLate(maxWaitMs: number): CountersignError {
  const message = `the log took longer than ${maxWaitMs} ms to write an entry`
  return new CountersignError('ERR_LOG_UNAVAILABLE', message, {
    hint: 'nothing was released; try again, and see whether the database is slow or locked',
    details: { maxWaitMs },
  })
}
