import { closeSync, openSync, realpathSync } from 'node:fs'
import { type Compilable, Kysely } from 'kysely'
import { CountersignError } from '../../errors.ts'
import type { Database, DatabaseSettings, HeadRow, HeldLock } from '../database.ts'
import { type ColumnTypes, SQLITE_TYPES } from '../migrations/column-types.ts'
import type { LogEntryRow, LogId, LogLabelRow, Tables } from '../tables.ts'
import { storeUnavailable } from '../unavailable.ts'
import type { SqliteConnection, SqlStatement } from './connection.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { resultCode } from './failures.ts'
import { guardFile } from './file-guard.ts'
import { openLocalConnection } from './local-connection.ts'
import { insertEntries, insertLabels } from './statements.ts'
import { openThreadedConnection } from './threaded-connection.ts'

const MEMORY = ':memory:'

/**
 * Opens a database file, or makes it, readable for its owner alone; no other process can open it then.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — no path; ERR_STORE_UNAVAILABLE — the file can't be
 * opened, or another process has it
 */
export async function openSqlite(path: string, { timeoutMs }: DatabaseSettings): Promise<Database> {
  if (path === '') {
    throw new CountersignError('ERR_CONFIG_INVALID', 'the URL of the store names no file', {
      hint: 'write sqlite:FILE',
    })
  }
  if (path === MEMORY) {
    const memory = connect(openLocalConnection(path, { timeoutMs }), timeoutMs)
    return new SqliteDatabase(memory, memory, undefined)
  }
  return openFile(createFile(path), timeoutMs)
}

async function openFile(file: string, timeoutMs: number): Promise<Database> {
  await using opened = new AsyncDisposableStack()
  const guard = opened.use(guardFile(file))
  const writer = await openThreadedConnection(file, { timeoutMs })
  opened.defer(() => writer.close())
  const reader = openLocalConnection(file, { timeoutMs, readOnly: true })
  const database = new SqliteDatabase(connect(writer, timeoutMs), connect(reader, timeoutMs), guard)
  // From here on they are the database's to close.
  opened.move()
  return database
}

/** Makes the file where none exists, and answers its path without symbolic links. */
function createFile(path: string): string {
  try {
    // Only a new file is opened: closing any handle of a file ends all locks this process has on it.
    closeSync(openSync(path, 'wx', 0o600))
  } catch (cause) {
    if (!isExistingFile(cause)) {
      const hint = 'create its folder, writable for the user of countersign'
      throw storeUnavailable(`${path} can not be made`, { hint, cause })
    }
  }
  return realpathSync(path)
}

function isExistingFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}

/** A connection, and Kysely over it. */
interface Connected {
  readonly connection: SqliteConnection
  readonly db: Kysely<Tables>
}

function connect(connection: SqliteConnection, timeoutMs: number): Connected {
  const db = new Kysely<Tables>({ dialect: new NodeSqliteDialect(connection, timeoutMs) })
  return { connection, db }
}

const SQLITE_CONSTRAINT_UNIQUE = 2067

class SqliteDatabase implements Database {
  readonly writer: Kysely<Tables>
  readonly reader: Kysely<Tables>
  readonly columnTypes: ColumnTypes = SQLITE_TYPES
  readonly schema = undefined
  readonly renewables = []
  readonly #writing: SqliteConnection
  readonly #connected: ReadonlySet<Connected>
  readonly #guard: Disposable | undefined
  /** Names of locks that are held; {@link SqliteDatabase.tryLock} alone writes it. */
  readonly #locks = new Set<string>()

  constructor(writer: Connected, reader: Connected, guard: Disposable | undefined) {
    this.writer = writer.db
    this.#writing = writer.connection
    this.reader = reader.db
    this.#connected = new Set([reader, writer])
    this.#guard = guard
  }

  migrating<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    return work(this.writer)
  }

  clock(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  lockKey(): Promise<void> {
    // A transaction has the lock of the whole database.
    return Promise.resolve()
  }

  lockHead(db: Kysely<Tables>, log: LogId): Promise<HeadRow> {
    const head = db.selectFrom('log_head').select(['size', 'root', 'latest_at'])
    return head.where('log', '=', log).executeTakeFirstOrThrow()
  }

  later(_db: Kysely<Tables>, query: Compilable): Promise<void> {
    return this.#later(query.compile())
  }

  insertEntries(_db: Kysely<Tables>, rows: readonly LogEntryRow[]): Promise<void> {
    return this.#later(insertEntries(rows))
  }

  insertLabels(_db: Kysely<Tables>, rows: readonly LogLabelRow[]): Promise<void> {
    return this.#later(insertLabels(rows))
  }

  mayRunAgain(): boolean {
    return false
  }

  isTaken(error: unknown): boolean {
    return resultCode(error) === SQLITE_CONSTRAINT_UNIQUE
  }

  notifyOthers(): Promise<void> {
    return Promise.resolve()
  }

  watchOthers(): () => void {
    // There are none: the file has one process.
    return () => undefined
  }

  tryLock(name: string): Promise<HeldLock | undefined> {
    if (this.#locks.has(name)) return Promise.resolve(undefined)
    this.#locks.add(name)
    return Promise.resolve({
      lost: new AbortController().signal,
      [Symbol.asyncDispose]: () => {
        this.#locks.delete(name)
        return Promise.resolve()
      },
    })
  }

  /** One process has the database, so its locks are its leases. */
  tryLease(name: string): Promise<HeldLock | undefined> {
    return this.tryLock(name)
  }

  sweepLeases(): Promise<void> {
    return Promise.resolve()
  }

  /** The writing connection has one transaction at a time, which is the one that asks. */
  #later({ sql, parameters }: SqlStatement): Promise<void> {
    this.#writing.later(sql, parameters)
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // Once this statement has run, no transaction is open.
      await this.writer.connection().execute(() => Promise.resolve())
    } finally {
      for (const { db, connection } of this.#connected) {
        await db.destroy()
        // Kysely closes only what it has used.
        await connection.close()
      }
      this.#guard?.[Symbol.dispose]()
    }
  }
}
