/**
 * What the two databases do differently; everything else is written once, in Kysely.
 *
 * @packageDocumentation
 */
import type { Compilable, Kysely } from 'kysely'
import type { Renewable } from '../basics/renewal.ts'
import type { ColumnTypes } from './migrations/column-types.ts'
import type { LogEntryRow, LogHeadRow, LogId, LogLabelRow, Tables } from './tables.ts'

/** Settings of a database; `StoreOptions` says what each means. */
export interface DatabaseSettings {
  readonly password: string | (() => Promise<string>) | undefined
  readonly timeoutMs: number
  readonly pollMs: number
  readonly maxConnections: number
}

/** The head of the log as it is stored. */
export type HeadRow = Omit<LogHeadRow, 'log'>

/** A lock that one replica holds. */
export interface HeldLock extends AsyncDisposable {
  /** Aborted with ERR_STORE_UNAVAILABLE once another process may have the lock. */
  readonly lost: AbortSignal
}

/** One open database. What its Kysely instances throw is ERR_STORE_UNAVAILABLE where waiting may help. */
export interface Database extends AsyncDisposable {
  /** For transactions. */
  readonly writer: Kysely<Tables>
  /** For reads outside of transactions; never sees what is not durable yet. */
  readonly reader: Kysely<Tables>
  readonly columnTypes: ColumnTypes
  /** The files that its connections are made with. */
  readonly renewables: readonly Renewable[]
  /** The schema that its tables are in; undefined where there is one alone. */
  readonly schema: string | undefined
  /** Hands out Kysely for changing the schema, which may take longer than anything else. */
  migrating<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  /** The time where the database runs; undefined where that is this process. */
  clock(db: Kysely<Tables>): Promise<Date | undefined>
  /** Keeps every other transaction on the same key waiting until this one ends. */
  lockKey(db: Kysely<Tables>, name: string): Promise<void>
  /** Reads the head of a log and keeps every other writer of it waiting until this transaction ends. */
  lockHead(db: Kysely<Tables>, log: LogId): Promise<HeadRow>
  /** Runs a statement of a transaction whose answer is not needed, at the latest with its commit. */
  later(db: Kysely<Tables>, query: Compilable): Promise<void>
  /** Adds entries of the log, many at a time. */
  insertEntries(db: Kysely<Tables>, rows: readonly LogEntryRow[]): Promise<void>
  /** Adds labels of entries, many at a time; those that are there stay. */
  insertLabels(db: Kysely<Tables>, rows: readonly LogLabelRow[]): Promise<void>
  /** Whether a transaction failed only because of others beside it, and left no trace. */
  mayRunAgain(error: unknown): boolean
  /** Whether a statement failed because a row would break a unique index. */
  isTaken(error: unknown): boolean
  /** Makes the commit of this transaction tell the other replicas. */
  notifyOthers(db: Kysely<Tables>): Promise<void>
  /** Calls back when another replica has told, or may have; returns how to stop. */
  watchOthers(listener: () => void): () => void
  /** Takes a lock that one replica can have; undefined where another has it. */
  tryLock(name: string): Promise<HeldLock | undefined>
  /** Likewise, for as many at once as there are requests: without a connection for each. */
  tryLease(name: string): Promise<HeldLock | undefined>
  /** Deletes leases whose holders are gone. */
  sweepLeases(): Promise<void>
}
