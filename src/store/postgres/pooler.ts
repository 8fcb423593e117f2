/**
 * Finds out whether a pooler stands before the server and hands its sessions out for one transaction at a time. The
 * store needs sessions of its own: search path, limits, prepared statements, notifications.
 *
 * @packageDocumentation
 */
import { type Client, DatabaseError } from 'pg'
import { CountersignError } from '../../errors.ts'
import { promisePostgres } from './failures.ts'
import type { Servers } from './servers.ts'

/** One finds it out unless others use the pooler at the same moment. */
const ROUNDS = 5

/**
 * Makes sure that a connection keeps its session. A pooler that does not gives a session it has back to another
 * connection while the first one still stands, or another session to the first: each is asked which one it has.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — the pooler is in transaction or statement mode;
 * ERR_STORE_UNAVAILABLE
 */
export async function assertOwnSessions(servers: Servers): Promise<void> {
  await using connections = new AsyncDisposableStack()
  const connect = async (): Promise<Client> => {
    const client = await servers.connect()
    connections.defer(() => client.end())
    return client
  }
  const first = await connect()
  if (isDirect(first, await backendOf(first))) return
  const second = await connect()
  for (let round = 0; round < ROUNDS; round += 1) {
    if (await sharesSession(first, second)) throw pooled()
  }
}

/** A server names its own process when a connection begins; a pooler, which relays cancellations, a number it made up. */
function isDirect(client: Client, backend: number): boolean {
  return Reflect.get(client, 'processID') === backend
}

async function sharesSession(first: Client, second: Client): Promise<boolean> {
  const mine = await backendOf(first)
  if ((await backendOf(first)) !== mine) return true
  try {
    await second.query('begin')
    if ((await backendOf(second)) === mine) return true
    return (await backendOf(first)) !== mine
  } catch (error) {
    if (isStatementMode(error)) return true
    throw error
  } finally {
    await second.query('rollback').catch(() => undefined)
  }
}

async function backendOf(client: Client): Promise<number> {
  const text = 'select pg_catalog.pg_backend_pid() as pid'
  const { rows } = await promisePostgres(() => client.query<{ pid: number }>(text))
  return rows[0]?.pid ?? 0
}

/** What PgBouncer says of a transaction where each statement may go to another session. */
function isStatementMode(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '08P01'
}

function pooled(): CountersignError {
  return new CountersignError(
    'ERR_CONFIG_INVALID',
    'the store is behind a connection pooler in transaction mode, which it cannot use',
    {
      hint: 'set pool_mode = session for this database in PgBouncer (or its like), or give the address of PostgreSQL itself',
    },
  )
}
