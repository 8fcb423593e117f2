/** Where the logs are made, and what their tables take there. */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createPostgres, query } from '../../test/support/postgres.ts'

/** A database of the logs. */
export interface Target {
  readonly url: string
  /** Bytes on the disk by table, its indexes included, and of everything; the store must be closed. */
  readonly measure: () => Promise<{ readonly tables: TableBytes; readonly all: number }>
}

/** Bytes by table. */
export type TableBytes = Readonly<Record<(typeof TABLES)[number], number>>

const TABLES = ['log_entries', 'log_labels', 'log_tiles'] as const

/** A file in a folder; one that is there is used again. */
export function sqliteTarget(folder: string): Target {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'log.db')
  return {
    url: `sqlite:${path}`,
    measure: () => {
      using database = new DatabaseSync(path, { readOnly: true })
      const pages = database.prepare(`select sum(pgsize) as bytes from dbstat
        where name in (select name from sqlite_schema where tbl_name = ?) and aggregate = true`)
      const bytesOf = (table: string): number => Number(pages.get(table)?.['bytes'])
      return Promise.resolve({ tables: byTable(TABLES.map(bytesOf)), all: statSync(path).size })
    },
  }
}

/** A server of its own, which waits for the disk at every commit. */
export async function postgresTarget(resources: AsyncDisposableStack): Promise<Target> {
  const server = await createPostgres({ isDurable: true })
  resources.defer(() => server.stop())
  const url = await server.createDatabase()
  const numberOf = async (sql: string): Promise<number> => {
    const [row] = (await query(url, `select ${sql} as bytes`)) as { readonly bytes: string }[]
    return Number(row?.bytes)
  }
  return {
    url,
    measure: async () => {
      const sizes = TABLES.map((table) => numberOf(`pg_total_relation_size('${table}')`))
      const all = await numberOf('pg_database_size(current_database())')
      return { tables: byTable(await Promise.all(sizes)), all }
    },
  }
}

function byTable([entries = 0, labels = 0, tiles = 0]: readonly number[]): TableBytes {
  return { log_entries: entries, log_labels: labels, log_tiles: tiles }
}
