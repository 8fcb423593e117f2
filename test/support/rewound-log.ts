/** One of the two logs of an SQLite store, put back to what a copy of the database has, as an attacker with its file does. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LOG_IDS } from '../../src/store/tables.ts'
import { databaseOf } from './older-store.ts'
import type { ServiceFolder } from './service-folder.ts'

/** For the service to finish its own transaction. */
const BUSY_MS = 30_000

/** Puts the rows of one log back to those of the copy that `backUp` made; everything else stays. */
export function rewindLog(folder: ServiceFolder, log: keyof typeof LOG_IDS): void {
  const database = new DatabaseSync(databaseOf(folder), { timeout: BUSY_MS })
  try {
    database.prepare('attach ? as copy').run(join(folder.folder, 'copy.db'))
    database.exec('begin immediate')
    for (const table of logTables(database)) {
      database.exec(`delete from main.${table} where log = ${LOG_IDS[log]}`)
      database.exec(
        `insert into main.${table} select * from copy.${table} where log = ${LOG_IDS[log]}`,
      )
    }
    database.exec('commit')
  } finally {
    database.close()
  }
}

/** Tables of which each row belongs to one log. */
function logTables(database: DatabaseSync): readonly string[] {
  const found = database
    .prepare(
      `select m.name as name from main.sqlite_master m join pragma_table_info(m.name) c
       where m.type = 'table' and c.name = 'log'`,
    )
    .all()
  return found.map(({ name }) => String(name))
}
