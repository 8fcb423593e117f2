/**
 * Statements for any number of rows: a text of its own for each number would have to be prepared. Bytes of
 * all rows are one parameter, and where each row's are is another, in JSON.
 *
 * @packageDocumentation
 */
import type { LogEntryRow, LogLabelRow } from '../tables.ts'
import type { Statement } from './connection.ts'

const INSERT_ENTRIES = `insert into log_entries (idx, data)
  select value ->> 0, substr(?2, value ->> 1, value ->> 2) from json_each(?1)`

const INSERT_LABELS = `insert into log_labels (idx, label)
  select value ->> 0, substr(?2, value ->> 1, value ->> 2) from json_each(?1)`

/** Inserts entries of the log. */
export function insertEntries(rows: readonly LogEntryRow[]): Statement {
  return { sql: INSERT_ENTRIES, parameters: pack(rows.map(({ idx, data }) => [idx, data])) }
}

/** Inserts labels of entries. */
export function insertLabels(rows: readonly LogLabelRow[]): Statement {
  return { sql: INSERT_LABELS, parameters: pack(rows.map(({ idx, label }) => [idx, label])) }
}

function pack(rows: readonly (readonly [number, Uint8Array])[]): readonly unknown[] {
  // SQLite counts bytes from 1.
  let start = 1
  const places = rows.map(([idx, { length }]) => {
    const place = [idx, start, length]
    start += length
    return place
  })
  return [JSON.stringify(places), Buffer.concat(rows.map(([, bytes]) => bytes))]
}
