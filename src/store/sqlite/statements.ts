/**
 * Statements for any number of rows: a text of its own for each number would have to be prepared. Bytes of
 * all rows are one parameter, and where each row's are is another, in JSON.
 *
 * @packageDocumentation
 */
import type { LogEntryRow, LogLabelRow } from '../tables.ts'
import type { SqlStatement } from './connection.ts'

const INSERT_ENTRIES = `insert into log_entries (log, idx, data)
  select value ->> 0, value ->> 1, substr(?2, value ->> 2, value ->> 3) from json_each(?1)`

const INSERT_LABELS = `insert or ignore into log_labels (log, idx, label, part)
  select value ->> 0, value ->> 1, substr(?2, value ->> 2, value ->> 3), value ->> 4 from json_each(?1)`

/** Inserts entries of the log. */
export function insertEntries(rows: readonly LogEntryRow[]): SqlStatement {
  return {
    sql: INSERT_ENTRIES,
    parameters: pack(rows.map(({ log, idx, data }) => [log, idx, data])),
  }
}

/** Inserts labels of entries; a block that has one already keeps it. */
export function insertLabels(rows: readonly LogLabelRow[]): SqlStatement {
  return {
    sql: INSERT_LABELS,
    parameters: pack(rows.map(({ log, idx, label, part }) => [log, idx, label, part])),
  }
}

type PackedRow = readonly [log: number, idx: number, bytes: Uint8Array, ...others: number[]]

function pack(rows: readonly PackedRow[]): readonly unknown[] {
  // SQLite counts bytes from 1.
  let start = 1
  const places = rows.map(([log, idx, { length }, ...others]) => {
    const place = [log, idx, start, length, ...others]
    start += length
    return place
  })
  return [JSON.stringify(places), Buffer.concat(rows.map(([, , bytes]) => bytes))]
}
