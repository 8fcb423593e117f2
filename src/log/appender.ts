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

/** An answer that is kept in the transaction of its entry, so that there is never one without the other. */
export interface EntryAnswer {
  readonly caller: string
  /** The Idempotency-Key. */
  readonly key: string
  readonly requestSha256: string
  readonly expires: Date
  /** What is kept, given where the entry is in the audit log. */
  readonly body: (index: number) => string
}

/** An answer whose entry has a place. */
export interface PlacedAnswer extends Omit<EntryAnswer, 'body'> {
  readonly body: string
}

/**
 * Keeps answers in a transaction, and says of each whether it was: where a request has an answer already, that one
 * stays.
 */
export type KeepAnswers<Records> = (
  records: Records,
  answers: readonly PlacedAnswer[],
) => Promise<readonly boolean[]>

/** What goes with an entry. */
export interface AppendOptions {
  readonly signal?: AbortSignal
  /** What the transparency log says of a signature. */
  readonly leaf?: Leaf
  /** Kept with it; where the request has an answer already, the entry is refused with ERR_STATE_CONFLICT. */
  readonly answer?: EntryAnswer | undefined
}

/** Appends entries; durable when the promise fulfils. */
export interface Appender extends AsyncDisposable {
  /**
   * @throws {@link CountersignError} ERR_LOG_UNAVAILABLE — not written in time, so whatever it is about
   * must not be released; ERR_CLOCK — the clock is wrong; or the error that {@link Admit} gave
   */
  append(entry: LogEntry, options?: AppendOptions): Promise<ProvenPlace>
}
