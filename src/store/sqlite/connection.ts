import { type BigIntStats, statSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { FILE_MOVED } from './failures.ts'

/** What a statement answered. */
export interface StatementResult {
  readonly rows: readonly unknown[]
  /** Rows that it inserted, updated or deleted; absent where it answers rows. */
  readonly changes?: number | bigint
}

/** A statement and what it is run with. */
export interface SqlStatement {
  readonly sql: string
  readonly parameters: readonly unknown[]
}

/** Where a connection is; statements are of one caller, one after the other. */
export interface ConnectionPlace {
  /** Runs statements up to the first that fails; answers as the last does. */
  run(statements: readonly SqlStatement[]): Promise<StatementResult>
  /** Undoes the transaction, where there still is one. */
  rollback(): Promise<void>
  /** May be called again. */
  close(): Promise<void>
}

/** A connection, wherever it is. */
export class SqliteConnection {
  readonly #place: ConnectionPlace
  /** What goes before the next statement; {@link SqliteConnection.later} adds to it. */
  #before: SqlStatement[] = []

  constructor(place: ConnectionPlace) {
    this.#place = place
  }

  /**
   * Keeps a statement whose answer is not needed for the next call, which fails if it fails: a call may
   * go to another thread, and costs more than most statements take.
   */
  later(sql: string, parameters: readonly unknown[] = []): void {
    this.#before.push({ sql, parameters })
  }

  run(sql: string, parameters: readonly unknown[] = []): Promise<StatementResult> {
    return this.#place.run([...this.#takeBefore(), { sql, parameters }])
  }

  rollback(): Promise<void> {
    this.#takeBefore()
    return this.#place.rollback()
  }

  close(): Promise<void> {
    return this.#place.close()
  }

  #takeBefore(): readonly SqlStatement[] {
    const before = this.#before
    this.#before = []
    return before
  }
}

/** How a database is opened. */
export interface ConnectionSettings {
  /** Longest wait for another connection. */
  readonly timeoutMs: number
  readonly readOnly?: boolean
}

/** Prepared statements that are kept; the store has some forty texts. */
const MAX_STATEMENTS = 200

function findFile(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })
}

/** A connection that works on the thread it is called on; what it throws is of node:sqlite. */
export class SyncConnection {
  readonly #database: DatabaseSync
  readonly #path: string
  /** The file that was opened; undefined: a database in memory. */
  readonly #opened: BigIntStats | undefined
  /** The least recently used comes first; {@link SyncConnection.#prepare} keeps that order. */
  readonly #statements = new Map<string, StatementSync>()

  constructor(path: string, { readOnly = false, timeoutMs }: ConnectionSettings) {
    this.#database = new DatabaseSync(path, {
      readOnly,
      timeout: timeoutMs,
      enableForeignKeyConstraints: true,
      defensive: true,
    })
    this.#path = path
    this.#opened = findFile(path)
    // A commit is on the disk when it returns: signatures are released on the strength of it.
    if (!readOnly) this.#database.exec('pragma journal_mode = wal; pragma synchronous = full')
  }

  run(statements: readonly SqlStatement[]): StatementResult {
    this.#assertInPlace()
    return statements.map((statement) => this.#run(statement)).at(-1) ?? { rows: [] }
  }

  /** What is written into a file that lost its name would be lost with this process. */
  #assertInPlace(): void {
    if (this.#opened === undefined) return
    const found = findFile(this.#path)
    if (found?.ino === this.#opened.ino && found.dev === this.#opened.dev) return
    throw Object.assign(new Error(`${this.#path} is another file now`), { errcode: FILE_MOVED })
  }

  #run({ sql, parameters }: SqlStatement): StatementResult {
    const statement = this.#prepare(sql)
    // Kysely types what it is given as unknown; node:sqlite refuses what SQLite can't hold.
    const values = parameters as readonly SQLInputValue[]
    if (statement.columns().length > 0) return { rows: statement.all(...values) }
    return { rows: [], changes: statement.run(...values).changes }
  }

  rollback(): void {
    // A full disk and the like have rolled back already.
    if (this.#database.isTransaction) this.#database.exec('rollback')
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #prepare(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.delete(sql)
    this.#statements.set(sql, statement)
    if (this.#statements.size > MAX_STATEMENTS) {
      const [oldest = ''] = this.#statements.keys()
      this.#statements.delete(oldest)
    }
    return statement
  }
}
