/**
 * The appender: groups entries of many requests into one commit.
 *
 * @packageDocumentation
 */
import type { CountersignError } from '../errors.ts'
import type { LogEntry } from './entry.ts'

/** Where an entry stands once it is durable. */
export interface Appended {
  readonly index: number
}

/**
 * Decides, inside the transaction that appends them, which entries may be appended: the answer has an
 * error for each that may not. Where it throws ERR_CLOCK, none is. It is how a version revoked on another replica signs nothing more.
 */
export type Admit<Records> = (
  records: Records,
  entries: readonly LogEntry[],
) => Promise<readonly (CountersignError | undefined)[]>

/** Appends entries; durable when the promise fulfils. */
export interface Appender extends AsyncDisposable {
  /**
   * @throws {@link CountersignError} ERR_LOG_UNAVAILABLE — not written in time, so whatever it is about
   * must not be released; ERR_CLOCK — the clock is wrong; or the error that {@link Admit} gave
   */
  append(entry: LogEntry, options?: { readonly signal?: AbortSignal }): Promise<Appended>
}
