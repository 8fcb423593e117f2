/**
 * Statements for any number of rows: a text of its own for each number would have to be prepared. Bytes of
 * all rows are one parameter, and where each row's are is another, in JSON.
 *
 * @packageDocumentation
 */
import type { LogEntryRow, LogLabelRow } from '../tables.ts'
import type { Statement } from './connection.ts'

const INSERT_ENTRIES = `insert into log_entries (log, idx, data)
  select value ->> 0, value ->> 1, substr(?2, value ->> 2, value ->> 3) from json_each(?1)`

const INSERT_LABELS = `insert into log_labels (log, idx, label)
  select value ->> 0, value ->> 1, substr(?2, value ->> 2, value ->> 3) from json_each(?1)`

/** Inserts entries of the log. */
export function insertEntries(rows: readonly LogEntryRow[]): Statement {
  return {
    sql: INSERT_ENTRIES,
    parameters: pack(rows.map(({ log, idx, data }) => [log, idx, data])),
  }
}

/** Inserts labels of entries. */
export function insertLabels(rows: readonly LogLabelRow[]): Statement {
  return {
    sql: INSERT_LABELS,
    parameters: pack(rows.map(({ log, idx, label }) => [log, idx, label])),
  }
}

function pack(rows: readonly (readonly [number, number, Uint8Array])[]): readonly unknown[] {
  // SQLite counts bytes from 1.
  let start = 1
  const places = rows.map(([log, idx, { length }]) => {
    const place = [log, idx, start, length]
    start += length
    return place
  })
  return [JSON.stringify(places), Buffer.concat(rows.map(([, , bytes]) => bytes))]
}
