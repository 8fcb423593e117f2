/**
 * node:sqlite for Kysely: one connection, used by one after the other. Every statement runs on the
 * caller's thread, so statements are short.
 *
 * @packageDocumentation
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { promiseSqlite } from './failures.ts'
import { Turns } from './turns.ts'

/** Prepared statements that are kept; the store has some forty texts. */
const MAX_STATEMENTS = 200

/** The dialect over an open connection; closing Kysely closes it. */
export class NodeSqliteDialect implements Dialect {
  readonly #connection: DatabaseSync
  readonly #timeoutMs: number

  constructor(connection: DatabaseSync, timeoutMs: number) {
    this.#connection = connection
    this.#timeoutMs = timeoutMs
  }

  createAdapter(): DialectAdapter {
    return new NodeSqliteAdapter()
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(this.#connection, new Turns(this.#timeoutMs))
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db)
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }
}

class NodeSqliteAdapter extends SqliteAdapter {
  // Else Kysely makes callers queue by itself, for as long as it takes; turns end in time.
  override get supportsMultipleConnections(): boolean {
    return true
  }

  // A migration that is cut off leaves nothing behind: SQLite's DDL is part of transactions.
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class NodeSqliteDriver implements Driver {
  readonly #connection: DatabaseSync
  readonly #turns: Turns
  readonly #queries: NodeSqliteConnection

  constructor(connection: DatabaseSync, turns: Turns) {
    this.#connection = connection
    this.#turns = turns
    this.#queries = new NodeSqliteConnection(connection)
  }

  init(): Promise<void> {
    return Promise.resolve()
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#turns.begin()
    return this.#queries
  }

  releaseConnection(): Promise<void> {
    this.#turns.end()
    return Promise.resolve()
  }

  beginTransaction(): Promise<void> {
    // The write lock comes first: a transaction that began by reading could not get it later.
    return this.#exec('begin immediate')
  }

  commitTransaction(): Promise<void> {
    return this.#exec('commit')
  }

  rollbackTransaction(): Promise<void> {
    // A full disk and the like have rolled back already.
    return this.#connection.isTransaction ? this.#exec('rollback') : Promise.resolve()
  }

  destroy(): Promise<void> {
    this.#connection.close()
    return Promise.resolve()
  }

  #exec(sql: string): Promise<void> {
    return promiseSqlite(() => {
      this.#connection.exec(sql)
    })
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #connection: DatabaseSync
  /** The least recently used comes first; {@link NodeSqliteConnection.#prepare} keeps that order. */
  readonly #statements = new Map<string, StatementSync>()

  constructor(connection: DatabaseSync) {
    this.#connection = connection
  }

  executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return promiseSqlite(() => {
      const statement = this.#prepare(sql)
      // Kysely types what it is given as unknown; node:sqlite refuses what SQLite can't hold.
      const values = parameters as readonly SQLInputValue[]
      if (statement.columns().length > 0) return { rows: statement.all(...values) as R[] }
      const { changes } = statement.run(...values)
      return { rows: [], numAffectedRows: BigInt(changes) }
    })
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('a stream would hold the one connection for as long as its reader likes')
  }

  #prepare(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#connection.prepare(sql)
    this.#statements.delete(sql)
    this.#statements.set(sql, statement)
    if (this.#statements.size > MAX_STATEMENTS) {
      const [oldest = ''] = this.#statements.keys()
      this.#statements.delete(oldest)
    }
    return statement
  }
}
