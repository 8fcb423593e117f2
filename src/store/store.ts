/**
 * The one door to the database, the same for SQLite and PostgreSQL.
 *
 * @packageDocumentation
 */
import type { JsonObject } from '../formats/json.ts'
import type { KeyRecords } from '../keys/key-records.ts'
import type { PlacedAnswer } from '../log/appender.ts'
import type { LogReader, LogRecords } from '../log/log-records.ts'
import type { Renewable } from '../basics/renewal.ts'

/** An answer that was given under an Idempotency-Key. */
export interface RememberedAnswer {
  /** SHA-256 of method, path and body, hex. */
  readonly requestSha256: string
  /** What was released, JSON. */
  readonly body: string
}

/** Answers by caller and Idempotency-Key. */
export interface AnswerRecords {
  /** The answer; undefined if it is absent, or expired at `now`. */
  findAnswer(caller: string, key: string, now: Date): Promise<RememberedAnswer | undefined>
  /**
   * Keeps answers, and says of each whether it was kept: one that is already there and not expired at `now` stays,
   * and so does the first of several for one request.
   */
  putAnswers(answers: readonly PlacedAnswer[], now: Date): Promise<readonly boolean[]>
}

/** Identity tokens that were used, by `jti`. */
export interface ReplayRecords {
  /** Marks a `jti` of an issuer as used until it expires; false where it was used before. */
  useOnce(
    issuer: string,
    jti: string,
    times: { readonly now: Date; readonly expires: Date },
  ): Promise<boolean>
}

/** A request that waits for approvals: what its entries in the log do not hold. */
export interface WaitingRequest {
  readonly id: string
  /** What is to be done, beside action and resource: what its approvers see. */
  readonly parameters: JsonObject
  readonly expires: Date
}

/** Requests for approval. */
export interface ApprovalRecords {
  findApproval(id: string): Promise<WaitingRequest | undefined>
  /** Requests that have not expired. */
  approvals(now: Date): Promise<readonly WaitingRequest[]>
  putApproval(request: WaitingRequest): Promise<void>
  deleteApproval(id: string): Promise<void>
}

/** The signed key history, of which all replicas serve one and the same. */
export interface PublicationRecords {
  /** The envelope as it was signed; undefined where none is yet. */
  keyHistory(): Promise<Uint8Array | undefined>
  /** Compare-and-swap: writes `next` where `seen` is stored; false where another replica was faster. */
  swapKeyHistory(next: Uint8Array, seen: Uint8Array | undefined): Promise<boolean>
}

/** Everything one transaction can read and write. */
export interface StoreTransaction {
  readonly keys: KeyRecords
  /** The audit log. A transaction that locks both heads locks this one first. */
  readonly log: LogRecords
  /** The transparency log, which is public. */
  readonly transparencyLog: LogRecords
  readonly answers: AnswerRecords
  readonly replays: ReplayRecords
  readonly approvals: ApprovalRecords
  readonly publications: PublicationRecords
  /** As {@link Store.clock}. */
  clock(): Promise<Date | undefined>
  /** Tells every replica, once the transaction is durable, that keys or the signed history changed. */
  readonly announce: () => void
}

/**
 * The database. Every method throws ERR_STORE_UNAVAILABLE (retryable) where the database can't be
 * reached or is restarting, and works again by itself afterwards.
 */
export interface Store extends AsyncDisposable {
  /** The files that connections are made with; empty where there are none. */
  readonly renewables: readonly Renewable[]
  /**
   * Runs work in one transaction: all of it is durable when the promise fulfils, none of it when it
   * rejects. Work may run again after a serialization failure, so it has no other effects.
   */
  transaction<T>(work: (records: StoreTransaction) => Promise<T>): Promise<T>
  /** Reads of answers outside a transaction. */
  readonly answers: Pick<AnswerRecords, 'findAnswer'>
  /** Reads of the audit log outside a transaction. */
  readonly log: LogReader
  /** Reads of the transparency log outside a transaction, for serving it. */
  readonly transparencyLog: LogReader
  /** Calls back after an {@link StoreTransaction.announce} of any replica, within a second; returns how to stop. */
  onAnnouncement(listener: () => void): () => void
  /**
   * Runs work while holding a lock that one replica can have; undefined, without running it, where
   * another has it. Where the lock is lost meanwhile, `lost` is aborted, and once work has ended the
   * promise rejects with ERR_STORE_UNAVAILABLE: what it did, it may not have done alone.
   */
  withLock<T>(name: string, work: (lost: AbortSignal) => Promise<T>): Promise<T | undefined>
  /**
   * As {@link Store.withLock}, for as many at once as there are requests: it takes no connection while work runs.
   * One that a killed replica held ends after a few seconds.
   */
  withLease<T>(name: string, work: (lost: AbortSignal) => Promise<T>): Promise<T | undefined>
  /** Makes sure that the database answers. */
  ping(): Promise<void>
  /** Makes sure that the database takes writes: it makes one that means nothing, under the lock of the log. */
  assertWritable(): Promise<void>
  /**
   * The time by the clock of the database, which is one for all replicas; undefined for SQLite, whose clock is
   * that of this machine.
   */
  clock(): Promise<Date | undefined>
  /** Deletes what is past its time: answers, replays, approvals, leases. */
  sweep(now: Date): Promise<void>
}
