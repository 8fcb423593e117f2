import { storeUnavailable } from '../unavailable.ts'

/** SQLITE_READONLY_DBMOVED: the file has lost its name, or another has it. */
export const FILE_MOVED = 1032

/**
 * Primary result codes (https://www.sqlite.org/rescode.html) that are about the file and the machine, not
 * about the statement, and one extended code, with what to do about each.
 */
const OUTAGES: Readonly<Record<number, readonly [why: string, hint: string]>> = {
  5: ['another process is writing to its file', 'it is safe to try again'],
  6: ['a table is in use', 'it is safe to try again'],
  7: ['there is not enough memory', 'give the process more memory'],
  8: ['its file is read-only', 'make file and folder writable for the user of countersign'],
  10: ['its file can not be read or written', 'look at the disk and its mount'],
  11: ['its file is damaged', 'stop the service and restore the newest backup'],
  13: ['the disk is full', 'make room; nothing was lost'],
  14: ['its file can not be opened', 'create its folder, writable for the user of countersign'],
  [FILE_MOVED]: [
    'its file was moved, deleted or replaced while it was open',
    'restart the service once the right file is in its place; it writes nothing until then',
  ],
  26: ['its file is no SQLite database', 'give the path of a database, or of no file yet'],
}

/** The extended result code of what node:sqlite threw; undefined for any other error. */
export function resultCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code : undefined
}

/** Turns what node:sqlite throws into ERR_STORE_UNAVAILABLE where it is an outage; a bug stays as it is. */
export function toSqliteFailure(error: unknown): unknown {
  const code = resultCode(error)
  const outage = code === undefined ? undefined : (OUTAGES[code] ?? OUTAGES[code & 0xff])
  if (outage === undefined) return error
  const [why, hint] = outage
  return storeUnavailable(why, { hint, cause: error })
}

/** Runs a call of node:sqlite, with its failures as {@link toSqliteFailure} has them. */
export function callSqlite<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw toSqliteFailure(error)
  }
}
