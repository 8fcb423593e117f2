/** Names of column types where databases differ. */
export interface ColumnTypes {
  /** Bytes of any length. */
  readonly bytes: 'blob' | 'bytea'
  /** Integers of 64 bits. */
  readonly long: 'integer' | 'bigint'
  /** What makes a table one sorted tree, where a database has such tables. */
  readonly clustered: 'without rowid' | ''
}

/** Column types of SQLite. */
export const SQLITE_TYPES: ColumnTypes = {
  bytes: 'blob',
  long: 'integer',
  clustered: 'without rowid',
}

/** Column types of PostgreSQL. */
export const POSTGRES_TYPES: ColumnTypes = { bytes: 'bytea', long: 'bigint', clustered: '' }
