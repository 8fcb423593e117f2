import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { storeUnavailable } from '../unavailable.ts'
import { callSqlite, resultCode, toSqliteFailure } from './failures.ts'

/** What the guard of a file is called: an empty database beside it. */
const SUFFIX = '-lock'

/**
 * Keeps every other process from opening the same database file through a guard until it is disposed.
 * The lock is one of the operating system on an empty database: it ends with the process, however that
 * ends, and the file that stays means nothing.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — another process has it
 */
export function guardFile(path: string): Disposable {
  const lock = `${path}${SUFFIX}`
  makePrivate(lock)
  const guard = callSqlite(() => new DatabaseSync(lock, { timeout: 0 }))
  try {
    guard.exec('pragma journal_mode = off')
    guard.exec('begin exclusive')
  } catch (cause) {
    guard.close()
    if (!isLocked(cause)) throw toSqliteFailure(cause)
    throw storeUnavailable(`another process uses ${path}`, {
      hint: 'stop the other service, or use store: postgres://… for several replicas',
      cause,
    })
  }
  return {
    [Symbol.dispose]: () => {
      guard.close()
    },
  }
}

/** SQLITE_BUSY; anything else is about the folder or the file. */
function isLocked(error: unknown): boolean {
  return resultCode(error) === 5
}

/** A user who may read the file may lock it, and so keep the service from starting. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch {
    // It is there: made by an earlier run, or the opening that follows says why it can't be.
    if (existsSync(path)) makePrivateIfOurs(path)
  }
}

function makePrivateIfOurs(path: string): void {
  try {
    chmodSync(path, 0o600)
  } catch {
    // Made by another user of the group that may write here: the mode is theirs to choose.
  }
}
