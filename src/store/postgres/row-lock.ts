import type { Client } from 'pg'
import type { HeldLock } from '../database.ts'
import { storeUnavailable } from '../unavailable.ts'
import { promisePostgres } from './failures.ts'
import type { Servers } from './servers.ts'

/** How often the connection of a lock is tried, so that its loss is noticed on a silent network too. */
const HEARTBEAT_MS = 5000

/** A replica that hangs for so long loses its locks. */
const IDLE_MS = 3 * HEARTBEAT_MS

/**
 * Locks a row of our own schema for as long as a transaction on a connection of its own is open; undefined where
 * another session has it.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — the server does not answer
 */
export async function tryRowLock(servers: Servers, name: string): Promise<HeldLock | undefined> {
  const client = await servers.connect({ idleMs: IDLE_MS })
  const lost = new AbortController()
  const lose = (cause?: unknown): void => {
    lost.abort(storeUnavailable(`the connection that held lock "${name}" was lost`, { cause }))
  }
  client.on('error', lose)
  client.on('end', () => {
    lose()
  })
  const isLocked = await promisePostgres(() => lock(client, name)).catch(async (error: unknown) => {
    await client.end()
    throw error
  })
  if (!isLocked) {
    await client.end()
    return undefined
  }
  let beat: Promise<unknown> = Promise.resolve()
  const heartbeat = setInterval(() => {
    beat = client.query('select 1').catch(lose)
  }, HEARTBEAT_MS).unref()
  return {
    lost: lost.signal,
    [Symbol.asyncDispose]: async () => {
      clearInterval(heartbeat)
      client.removeAllListeners('end')
      await beat
      // The lock is free when this returns, not a moment later.
      await client.query('rollback').catch(() => undefined)
      await client.end()
    },
  }
}

async function lock(client: Client, name: string): Promise<boolean> {
  const row = [`lock ${name}`]
  await client.query('insert into locks (name) values ($1) on conflict do nothing', row)
  await client.query('begin')
  const text = 'select name from locks where name = $1 for update skip locked'
  const { rows } = await client.query(text, row)
  return rows.length === 1
}
