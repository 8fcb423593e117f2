import { type Compilable, Kysely, sql } from 'kysely'
import type { Pool } from 'pg'
import { CountersignError } from '../../errors.ts'
import type { Renewable } from '../../basics/renewal.ts'
import type { Database, DatabaseSettings, HeadRow, HeldLock } from '../database.ts'
import { type ColumnTypes, POSTGRES_TYPES } from '../migrations/column-types.ts'
import type { LogEntryRow, LogId, LogLabelRow, Tables } from '../tables.ts'
import { CHANNEL, listenForAnnouncements, pollForChange } from './announcements.ts'
import { PgDialect } from './dialect.ts'
import { sqlState } from './failures.ts'
import { assertOwnSessions } from './pooler.ts'
import { sweepLeases, tryLease } from './lease.ts'
import { tryRowLock } from './row-lock.ts'
import { createSchema, MIGRATION_LOCK, SCHEMA } from './schema.ts'
import { Servers } from './servers.ts'

const UNIQUE_VIOLATION = '23505'
const RUN_AGAIN: ReadonlySet<string | undefined> = new Set(['40001', '40P01'])

/** A migration may rewrite a table, or wait for another replica that does. */
const MIGRATION_TIMEOUT_MS = 600_000

/**
 * Opens a pool of connections to the servers of an address.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — the address cannot be used, or leads to a pooler that shares
 * sessions; ERR_STORE_UNAVAILABLE — no server answers
 */
export async function openPostgres(url: string, settings: DatabaseSettings): Promise<Database> {
  const servers = await Servers.open(url, settings)
  await assertOwnSessions(servers)
  return new PostgresDatabase(servers, settings)
}

class PostgresDatabase implements Database {
  readonly writer: Kysely<Tables>
  readonly reader: Kysely<Tables>
  readonly columnTypes: ColumnTypes = POSTGRES_TYPES
  readonly schema = SCHEMA
  readonly renewables: readonly Renewable[]
  readonly #servers: Servers
  readonly #pollMs: number
  readonly #pool: Pool
  readonly #watching = new Set<Promise<unknown>>()

  constructor(servers: Servers, { maxConnections, pollMs }: DatabaseSettings) {
    this.#servers = servers
    this.renewables = [servers.files]
    this.#pollMs = pollMs
    this.#pool = servers.pool(maxConnections)
    this.writer = new Kysely<Tables>({ dialect: new PgDialect(servers, this.#pool) })
    this.reader = this.writer
  }

  async migrating<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    const pool = this.#servers.pool(2, { timeoutMs: MIGRATION_TIMEOUT_MS })
    try {
      await createSchema(pool)
      const db = new Kysely<Tables>({ dialect: new PgDialect(this.#servers, pool) })
      return await db.transaction().execute(async (transaction) => {
        const lock = sql`select name from locks where name = ${MIGRATION_LOCK} for update`
        await lock.execute(transaction)
        return work(transaction)
      })
    } finally {
      await pool.end()
    }
  }

  async clock(db: Kysely<Tables>): Promise<Date> {
    const time = sql<{ ms: number }>`
      select pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp()) * 1000)::float8 as ms`
    const { rows } = await time.execute(db)
    return new Date(rows[0]?.ms ?? Number.NaN)
  }

  async lockKey(db: Kysely<Tables>, name: string): Promise<void> {
    // Not the key's row: a key that is about to be made has none yet.
    await sql`insert into locks (name) values (${`key ${name}`})
      on conflict (name) do update set name = excluded.name`.execute(db)
  }

  async lockHead(db: Kysely<Tables>, log: LogId): Promise<HeadRow> {
    const head = db.selectFrom('log_head').select(['size', 'root', 'latest_at'])
    return head.where('log', '=', log).forUpdate().executeTakeFirstOrThrow()
  }

  // Arrays: one text for any number of rows, so that it is prepared once.
  async later(db: Kysely<Tables>, query: Compilable): Promise<void> {
    await db.executeQuery(query.compile())
  }

  async insertEntries(db: Kysely<Tables>, rows: readonly LogEntryRow[]): Promise<void> {
    const logs = rows.map(({ log }) => log)
    const indices = rows.map(({ idx }) => idx)
    const data = rows.map((row) => row.data)
    await sql`insert into log_entries (log, idx, data)
      select * from rows from
        (pg_catalog.unnest(${logs}::integer[]), pg_catalog.unnest(${indices}::bigint[]),
         pg_catalog.unnest(${data}::bytea[]))`.execute(db)
  }

  async insertLabels(db: Kysely<Tables>, rows: readonly LogLabelRow[]): Promise<void> {
    const labels = rows.map(({ label }) => label)
    const logs = rows.map(({ log }) => log)
    const parts = rows.map(({ part }) => part)
    const indices = rows.map(({ idx }) => idx)
    await sql`insert into log_labels (log, part, label, idx)
      select * from rows from
        (pg_catalog.unnest(${logs}::integer[]), pg_catalog.unnest(${parts}::integer[]),
         pg_catalog.unnest(${labels}::bytea[]), pg_catalog.unnest(${indices}::bigint[]))
      on conflict do nothing`.execute(db)
  }

  mayRunAgain(error: unknown): boolean {
    return CountersignError.is(error) && RUN_AGAIN.has(sqlState(error.cause))
  }

  isTaken(error: unknown): boolean {
    return sqlState(error) === UNIQUE_VIOLATION
  }

  async notifyOthers(db: Kysely<Tables>): Promise<void> {
    await sql`select pg_catalog.pg_notify(${CHANNEL}, '')`.execute(db)
  }

  watchOthers(listener: () => void): () => void {
    const stop = new AbortController()
    const { signal } = stop
    this.#watching.add(listenForAnnouncements(this.#servers, listener, signal))
    const everyMs = this.#pollMs
    this.#watching.add(pollForChange(() => this.#sequence(), listener, { everyMs, signal }))
    return () => {
      stop.abort()
    }
  }

  tryLock(name: string): Promise<HeldLock | undefined> {
    return tryRowLock(this.#servers, name)
  }

  tryLease(name: string): Promise<HeldLock | undefined> {
    return tryLease(this.writer, name)
  }

  sweepLeases(): Promise<void> {
    return sweepLeases(this.writer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#watching)
    await this.#pool.end()
  }

  async #sequence(): Promise<number> {
    const counter = this.reader.selectFrom('counters').select('value')
    const { value } = await counter.where('name', '=', 'sequence').executeTakeFirstOrThrow()
    return value
  }
}
