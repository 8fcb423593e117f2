import { type ConnectionSettings, SqliteConnection, SyncConnection } from './connection.ts'
import { callSqlite } from './failures.ts'

/**
 * Opens a connection on this thread, which every statement holds up: for reads of a few rows, and for
 * databases in memory.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — it can't be opened
 */
export function openLocalConnection(path: string, settings: ConnectionSettings): SqliteConnection {
  const connection = callSqlite(() => new SyncConnection(path, settings))
  return new SqliteConnection({
    run: (statements) => promise(() => connection.run(statements)),
    rollback: () =>
      promise(() => {
        connection.rollback()
      }),
    close: () =>
      promise(() => {
        connection.close()
      }),
  })
}

/** What is thrown becomes a rejection. */
function promise<T>(call: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(callSqlite(call))
  })
}
