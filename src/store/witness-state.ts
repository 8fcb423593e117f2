/** The memory of a witness: an SQLite database in a folder, with one row a log. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CountersignError } from '../errors.ts'
import type { WitnessedTree, WitnessState } from '../log/witness.ts'
import { SyncConnection } from './sqlite/connection.ts'
import { callSqlite } from './sqlite/failures.ts'
import { guardFile } from './sqlite/file-guard.ts'

const TIMEOUT_MS = 5000
const TABLE = `create table if not exists trees
  (origin text primary key not null, size integer not null, root blob not null, note text not null) strict`

/** A state that is open; disposing it closes the file. */
export type OpenWitnessState = WitnessState & Disposable

/**
 * Opens the state in a folder, which is made where it does not exist. One process has it at a time.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE — no such folder can be made; ERR_STORE_UNAVAILABLE — the file
 * cannot be opened, or another process has it
 */
export async function openWitnessState(folder: string): Promise<OpenWitnessState> {
  await makeFolder(folder)
  const path = join(folder, 'witness.db')
  using stack = new DisposableStack()
  stack.use(guardFile(path))
  const connection = callSqlite(() => new SyncConnection(path, { timeoutMs: TIMEOUT_MS }))
  stack.defer(() => {
    connection.close()
  })
  callSqlite(() => connection.run([{ sql: TABLE, parameters: [] }]))
  const owned = stack.move()
  return {
    read: async (origin) => Promise.resolve(readTree(connection, origin)),
    replace: async (origin, read, tree) =>
      Promise.resolve(replace(connection, { origin, read, tree })),
    [Symbol.dispose]: () => {
      owned.dispose()
    },
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new CountersignError('ERR_FILE_WRITE', `cannot make the folder "${folder}"`, {
      hint: 'check the path, and who may write there',
      details: { path: folder },
      cause,
    })
  }
}

function readTree(connection: SyncConnection, origin: string): WitnessedTree | undefined {
  const sql = 'select size, root, note from trees where origin = ?'
  const { rows } = callSqlite(() => connection.run([{ sql, parameters: [origin] }]))
  // The table is strict: its columns have these types.
  return (rows as readonly WitnessedTree[])[0]
}

interface Replacement {
  readonly origin: string
  readonly read: WitnessedTree | undefined
  readonly tree: WitnessedTree
}

/** One statement, so nothing comes in between. */
function replace(
  connection: SyncConnection,
  { origin, read, tree: { size, root, note } }: Replacement,
): boolean {
  const statement =
    read === undefined
      ? {
          sql: 'insert into trees (origin, size, root, note) values (?, ?, ?, ?) on conflict do nothing',
          parameters: [origin, size, root, note],
        }
      : {
          sql: 'update trees set size = ?, root = ?, note = ? where origin = ? and size = ? and root = ?',
          parameters: [size, root, note, origin, read.size, read.root],
        }
  return Number(callSqlite(() => connection.run([statement])).changes) === 1
}
