/**
 * The appender: groups entries of many requests into one commit.
 *
 * @packageDocumentation
 */
import type { CountersignError } from '../errors.ts'
import type { ProvenLeaf } from '../formats/log-entry.ts'
import type { LogEntry } from './entry.ts'
import type { Leaf } from './append-leaves.ts'

/** Where an entry stands once it is durable. */
export interface Appended {
  /** In the audit log. */
  readonly index: number
  /** Of its leaf in the transparency log; undefined where that says nothing of it. */
  readonly publicIndex?: number
}

/** Where an entry stands, and the proof that its leaf is in the transparency log. */
export interface ProvenPlace extends Appended {
  /** Undefined where the transparency log says nothing of it. */
  readonly proof?: ProvenLeaf
}

/**
 * Decides, inside the transaction that appends them, which entries may be appended: the answer has an
 * error for each that may not. Where it throws ERR_CLOCK, none is. It is how a version revoked on another replica signs nothing more.
 */
export type Admit<Records> = (
  records: Records,
  entries: readonly LogEntry[],
) => Promise<readonly (CountersignError | undefined)[]>

/** What goes with an entry. */
export interface AppendOptions {
  readonly signal?: AbortSignal
  /** What the transparency log says of a signature. */
  readonly leaf?: Leaf
}

/** Appends entries; durable when the promise fulfils. */
export interface Appender extends AsyncDisposable {
  /**
   * @throws {@link CountersignError} ERR_LOG_UNAVAILABLE — not written in time, so whatever it is about
   * must not be released; ERR_CLOCK — the clock is wrong; or the error that {@link Admit} gave
   */
  append(entry: LogEntry, options?: AppendOptions): Promise<ProvenPlace>
}
