import { CompiledQuery, type Kysely } from 'kysely'
import type { Tables } from '../tables.ts'

/** An entry of the log: its index, and its data in hex. */
export const INSERT_ENTRIES = `insert into log_entries (idx, data)
  select value ->> 0, unhex(value ->> 1) from json_each(?)`

/** A label of an entry: in hex, and the index of the entry. */
export const INSERT_LABELS = `insert into log_labels (label, idx)
  select unhex(value ->> 0), value ->> 1 from json_each(?)`

/**
 * Inserts rows by one statement, whatever their number: the connection is on another thread, and every
 * call of it costs more than most statements take.
 */
export async function insertRows(
  db: Kysely<Tables>,
  statement: string,
  rows: readonly (readonly [number | string, number | string])[],
): Promise<void> {
  await db.executeQuery(CompiledQuery.raw(statement, [JSON.stringify(rows)]))
}
