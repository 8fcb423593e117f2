import { CountersignError } from '../errors.ts'
import type { Database, DatabaseSettings } from './database.ts'
import type { Archives } from './database-store.ts'
import type { Store } from './store.ts'

/** Settings of a store. */
export interface StoreOptions {
  /** Brings the schema up to date; default: yes for SQLite, no for PostgreSQL, where others may be running. */
  readonly migrate?: boolean
  /** Password for PostgreSQL, where it is not in the URL; a function is asked for each connection. */
  readonly password?: string | (() => Promise<string>)
  /** Longest wait for a connection, a lock or a statement; default 5,000. */
  readonly timeoutMs?: number
  /** How often PostgreSQL is asked whether keys changed, should a notification be lost; default 1,000. */
  readonly pollMs?: number
  /** Where full tiles and bundles are that were moved out of the database. */
  readonly archives?: Archives
  /** Most connections to PostgreSQL at once, beside two for notifications and locks; default 10. */
  readonly maxConnections?: number
}

/**
 * Opens the database of a URL: `sqlite:FILE`, `sqlite::memory:` for tests, or
 * `postgres://user@host/database`, with `sslmode` and the other usual parameters.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not such a URL; ERR_STORE_UNAVAILABLE — the
 * database can't be reached, its schema is older or newer than this program, or another process uses
 * the file
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<Store> {
  const { migrate: isMigrating = url.startsWith('sqlite:'), password, ...others } = options
  const settings: DatabaseSettings = {
    timeoutMs: others.timeoutMs ?? 5000,
    pollMs: others.pollMs ?? 1000,
    maxConnections: others.maxConnections ?? 10,
    password,
  }
  const database = await openDatabase(url, settings)
  try {
    const { assertCurrentSchema, migrate } = await import('./migrate.ts')
    await (isMigrating ? migrate(database) : assertCurrentSchema(database))
    const { DatabaseStore } = await import('./database-store.ts')
    return new DatabaseStore(database, options.archives)
  } catch (error) {
    await database[Symbol.asyncDispose]()
    throw error
  }
}

async function openDatabase(url: string, settings: DatabaseSettings): Promise<Database> {
  if (url.startsWith('sqlite:')) {
    const { openSqlite } = await import('./sqlite/sqlite.ts')
    return openSqlite(url.slice('sqlite:'.length), settings)
  }
  if (url.startsWith('postgres://') || url.startsWith('postgresql://')) {
    const { openPostgres } = await import('./postgres/postgres.ts')
    return openPostgres(url, settings)
  }
  // Not quoted: a URL may hold a password.
  throw new CountersignError('ERR_CONFIG_INVALID', 'the URL of the store is of no known kind', {
    hint: 'write sqlite:FILE or postgres://user@host/database',
  })
}
