/**
 * pg for Kysely, with prepared statements, and without a connection that is in doubt ever used again.
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
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  type QueryResult,
} from 'kysely'
import type { Pool, PoolClient, QueryResult as PgResult, QueryResultRow } from 'pg'
import {
  isDemotion,
  leavesConnectionUsable,
  promisePostgres,
  toPostgresFailure,
} from './failures.ts'
import type { Servers } from './servers.ts'

/** Statements that are prepared, per connection; the store has some forty texts. */
const MAX_PREPARED = 200

/** The dialect over a pool with the servers, which stays its owner's to end. */
export class PgDialect implements Dialect {
  readonly #servers: Servers
  readonly #pool: Pool

  constructor(servers: Servers, pool: Pool) {
    this.#servers = servers
    this.#pool = pool
  }

  createAdapter(): DialectAdapter {
    return new RowLockedAdapter()
  }

  createDriver(): Driver {
    return new PoolDriver(this.#servers, this.#pool)
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new PostgresIntrospector(db)
  }

  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler()
  }
}

/** Migrations run in a transaction that holds the row of their lock, see `PostgresDatabase.migrating`. */
class RowLockedAdapter extends PostgresAdapter {
  override acquireMigrationLock(): Promise<void> {
    return Promise.resolve()
  }

  override releaseMigrationLock(): Promise<void> {
    return Promise.resolve()
  }
}

class PoolDriver implements Driver {
  readonly #servers: Servers
  readonly #pool: Pool
  readonly #names = new StatementNames()
  /** How often a server was found demoted: connections from before may be to it, and read what is out of date. */
  #demotions = 0
  readonly #madeAfter = new WeakMap<object, number>()

  constructor(servers: Servers, pool: Pool) {
    this.#servers = servers
    this.#pool = pool
    pool.on('connect', (client) => this.#madeAfter.set(client, this.#demotions))
    // A failed query reports it to its caller; without a listener, the event would end the process.
    const ignore = (): undefined => undefined
    pool.on('error', ignore)
    pool.on('connect', (client) => client.on('error', ignore))
  }

  init(): Promise<void> {
    return Promise.resolve()
  }

  async acquireConnection(): Promise<PooledConnection> {
    const connect = (): Promise<PoolClient> => promisePostgres(() => this.#pool.connect())
    const onDemotion = (): void => {
      this.#demotions += 1
    }
    for (;;) {
      const client = await this.#servers.tryEach(connect)
      const isNewer = this.#madeAfter.get(client) === this.#demotions
      if (isNewer) return new PooledConnection(client, this.#names, onDemotion)
      client.release(true)
    }
  }

  releaseConnection(connection: PooledConnection): Promise<void> {
    connection.release()
    return Promise.resolve()
  }

  async beginTransaction(connection: PooledConnection): Promise<void> {
    await connection.query('begin isolation level read committed')
  }

  async commitTransaction(connection: PooledConnection): Promise<void> {
    const { command } = await connection.query('commit')
    // How the server answers where a statement had failed and the work went on regardless.
    if (command !== 'COMMIT') throw new Error('the transaction had failed before its commit')
  }

  async rollbackTransaction(connection: PooledConnection): Promise<void> {
    await connection.rollback()
  }

  destroy(): Promise<void> {
    return Promise.resolve()
  }
}

/** Names for prepared statements, one for each text; none once there are too many. */
class StatementNames {
  readonly #names = new Map<string, string>()

  nameOf(text: string): string | undefined {
    const known = this.#names.get(text)
    if (known !== undefined || this.#names.size === MAX_PREPARED) return known
    const name = `countersign_${this.#names.size}`
    this.#names.set(text, name)
    return name
  }
}

class PooledConnection implements DatabaseConnection {
  readonly #client: PoolClient
  readonly #names: StatementNames
  readonly #onDemotion: () => void
  /** Set by {@link PooledConnection.query} once the connection is in doubt. */
  #isBroken = false

  constructor(client: PoolClient, names: StatementNames, onDemotion: () => void) {
    this.#client = client
    this.#names = names
    this.#onDemotion = onDemotion
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount } = await this.query(sql, parameters)
    // Kysely knows the columns it asked for.
    return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('a stream would hold a connection for as long as its reader likes')
  }

  async query(
    text: string,
    parameters: readonly unknown[] = [],
  ): Promise<PgResult<QueryResultRow>> {
    const name = parameters.length === 0 ? undefined : this.#names.nameOf(text)
    const values = [...parameters]
    try {
      return await this.#client.query(
        name === undefined ? { text, values } : { name, text, values },
      )
    } catch (error) {
      if (!leavesConnectionUsable(error)) this.#isBroken = true
      if (isDemotion(error)) this.#onDemotion()
      throw toPostgresFailure(error)
    }
  }

  /** Rolls back; where that fails, the connection is closed, and the server rolls back by itself. */
  async rollback(): Promise<void> {
    if (this.#isBroken) return
    try {
      await this.query('rollback')
    } catch {
      this.#isBroken = true
    }
  }

  release(): void {
    this.#client.release(this.#isBroken)
  }
}
