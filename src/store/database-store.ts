import type { Kysely } from 'kysely'
import { assertNotCancelled } from '../basics/cancellation.ts'
import type { LogReader } from '../log/log-records.ts'
import type { LogRole } from '../log/log-roles.ts'
import type { TileArchive } from '../log/tile-archive.ts'
import type { Renewable } from '../basics/renewal.ts'
import type { Database, HeldLock } from './database.ts'
import { KeyTables, type PublicKeyCache } from './key-tables.ts'
import { LogTables, LogTablesReader } from './log-tables.ts'
import { PublicationTable } from './publication-table.ts'
import { AnswerTable, ApprovalTable, ReplayTable, sweepExpired } from './request-tables.ts'
import type { AnswerRecords, Store, StoreTransaction } from './store.ts'
import { LOG_IDS, type Tables } from './tables.ts'
import { storeUnavailable } from './unavailable.ts'

/** Where what was moved out of the database is read, by log. */
export type Archives = Partial<Readonly<Record<LogRole, TileArchive | undefined>>>

/** How often one transaction is tried where others beside it make it fail. */
const MAX_ATTEMPTS = 5

/** The store over one open database, whose schema is current. */
export class DatabaseStore implements Store {
  readonly answers: Pick<AnswerRecords, 'findAnswer'>
  readonly log: LogReader
  readonly transparencyLog: LogReader
  readonly renewables: readonly Renewable[]
  readonly #database: Database
  readonly #archives: Archives
  readonly #publicKeys: PublicKeyCache = new Map()
  readonly #listeners = new Set<() => void>()
  #stopWatching: (() => void) | undefined
  #isClosed = false

  constructor(database: Database, archives: Archives = {}) {
    this.#database = database
    this.#archives = archives
    this.renewables = database.renewables
    const openDb = (): Kysely<Tables> => {
      this.#assertOpen()
      return database.reader
    }
    this.answers = { findAnswer: (...asked) => new AnswerTable(openDb()).findAnswer(...asked) }
    this.log = new LogTablesReader(LOG_IDS.audit, openDb, archives.audit)
    const { transparency } = archives
    this.transparencyLog = new LogTablesReader(LOG_IDS.transparency, openDb, transparency)
  }

  async transaction<T>(work: (records: StoreTransaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      this.#assertOpen()
      try {
        return await this.#attempt(work)
      } catch (error) {
        // A lost connection is not among these: what it was committing may have been committed.
        if (attempt === MAX_ATTEMPTS || !this.#database.mayRunAgain(error)) throw error
      }
    }
  }

  onAnnouncement(listener: () => void): () => void {
    // Wrapped, so that a function that listens twice is two listeners.
    const entry = (): void => {
      listener()
    }
    this.#listeners.add(entry)
    this.#stopWatching ??= this.#database.watchOthers(() => {
      this.#callListeners()
    })
    return () => {
      this.#listeners.delete(entry)
    }
  }

  async withLock<T>(name: string, work: (lost: AbortSignal) => Promise<T>): Promise<T | undefined> {
    this.#assertOpen()
    return whileHeld(await this.#database.tryLock(name), work)
  }

  async withLease<T>(
    name: string,
    work: (lost: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    this.#assertOpen()
    return whileHeld(await this.#database.tryLease(name), work)
  }

  async ping(): Promise<void> {
    await this.log.head()
  }

  async assertWritable(): Promise<void> {
    this.#assertOpen()
    await this.#database.writer.transaction().execute(async (db) => {
      await this.#database.lockHead(db, LOG_IDS.audit)
      const probe = db.insertInto('counters').values({ name: 'probe', value: 1 })
      await probe
        .onConflict((taken) =>
          taken.column('name').doUpdateSet((row) => ({ value: row('counters.value', '+', 1) })),
        )
        .execute()
    })
  }

  async clock(): Promise<Date | undefined> {
    this.#assertOpen()
    return this.#database.clock(this.#database.reader)
  }

  async sweep(now: Date): Promise<void> {
    this.#assertOpen()
    await sweepExpired(this.#database.writer, now)
    await this.#database.sweepLeases()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listeners.clear()
    this.#stopWatching?.()
    await this.#database[Symbol.asyncDispose]()
  }

  async #attempt<T>(work: (records: StoreTransaction) => Promise<T>): Promise<T> {
    const keys = { areAnnounced: false }
    const announce = (): void => {
      keys.areAnnounced = true
    }
    // Locks, not snapshots, order what must be ordered, so every statement may see what is newest.
    const transaction = this.#database.writer.transaction().setIsolationLevel('read committed')
    const result = await transaction.execute(async (db) => {
      const answer = await work({ ...this.#recordsOf(db), announce })
      if (keys.areAnnounced) await this.#database.notifyOthers(db)
      return answer
    })
    if (keys.areAnnounced) this.#callListeners()
    return result
  }

  #recordsOf(db: Kysely<Tables>): Omit<StoreTransaction, 'announce'> {
    const logOf = (role: LogRole): LogTables =>
      new LogTables(LOG_IDS[role], db, {
        archive: this.#archives[role],
        database: this.#database,
      })
    return {
      keys: new KeyTables(db, this.#database, this.#publicKeys),
      log: logOf('audit'),
      transparencyLog: logOf('transparency'),
      answers: new AnswerTable(db),
      replays: new ReplayTable(db),
      approvals: new ApprovalTable(db),
      publications: new PublicationTable(db),
      clock: () => this.#database.clock(db),
    }
  }

  #callListeners(): void {
    for (const listener of this.#listeners) listener()
  }

  #assertOpen(): void {
    if (this.#isClosed) throw storeUnavailable('it was closed')
  }
}

async function whileHeld<T>(
  held: HeldLock | undefined,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  await using lock = held
  if (lock === undefined) return undefined
  const result = await work(lock.lost)
  assertNotCancelled(lock.lost)
  return result
}
