/**
 * node:sqlite for Kysely: one connection, used by one after the other.
 *
 * @packageDocumentation
 */
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
import type { SqliteConnection } from './connection.ts'
import { Turns } from './fifo-lock.ts'

/** The dialect over an open connection; closing Kysely closes it. */
export class NodeSqliteDialect implements Dialect {
  readonly #connection: SqliteConnection
  readonly #timeoutMs: number

  constructor(connection: SqliteConnection, timeoutMs: number) {
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
  readonly #connection: SqliteConnection
  readonly #turns: Turns
  readonly #queries: NodeSqliteConnection

  constructor(connection: SqliteConnection, turns: Turns) {
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
    this.#connection.later('begin immediate')
    return Promise.resolve()
  }

  async commitTransaction(): Promise<void> {
    await this.#connection.run('commit')
  }

  rollbackTransaction(): Promise<void> {
    return this.#connection.rollback()
  }

  destroy(): Promise<void> {
    return this.#connection.close()
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #connection: SqliteConnection

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.#connection.run(sql, parameters)
    if (changes === undefined) return { rows: rows as R[] }
    return { rows: [], numAffectedRows: BigInt(changes) }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('a stream would hold the one connection for as long as its reader likes')
  }
}
