/**
 * Statements for any number of rows, which are one parameter in JSON: a text of its own for each number
 * would have to be prepared.
 *
 * @packageDocumentation
 */
import type { LogEntryRow, LogLabelRow } from '../tables.ts'
import type { Statement } from './connection.ts'

const INSERT_ENTRIES = `insert into log_entries (idx, data)
  select value ->> 0, unhex(value ->> 1) from json_each(?)`

const INSERT_LABELS = `insert into log_labels (label, idx)
  select unhex(value ->> 0), value ->> 1 from json_each(?)`

/** Inserts entries of the log. */
export function insertEntries(rows: readonly LogEntryRow[]): Statement {
  const values = rows.map(({ idx, data }) => [idx, hex(data)])
  return { sql: INSERT_ENTRIES, parameters: [JSON.stringify(values)] }
}

/** Inserts labels of entries. */
export function insertLabels(rows: readonly LogLabelRow[]): Statement {
  const values = rows.map(({ label, idx }) => [hex(label), idx])
  return { sql: INSERT_LABELS, parameters: [JSON.stringify(values)] }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
