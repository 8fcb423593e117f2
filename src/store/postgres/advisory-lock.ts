import { Client, type ClientConfig } from 'pg'
import type { HeldLock } from '../database.ts'
import { storeUnavailable } from '../unavailable.ts'
import { promisePostgres } from './failures.ts'

/** How often the connection of a lock is tried, so that its loss is noticed on a silent network too. */
const HEARTBEAT_MS = 5000

/**
 * Takes a lock on the server that lasts as long as a connection of its own; undefined where another
 * session has it.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — the server does not answer
 */
export async function tryAdvisoryLock(
  config: ClientConfig,
  name: string,
): Promise<HeldLock | undefined> {
  const client = new Client(config)
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
      await client.query('select pg_advisory_unlock_all()').catch(() => undefined)
      await client.end()
    },
  }
}

async function lock(client: Client, name: string): Promise<boolean> {
  await client.connect()
  const text = 'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked'
  const { rows } = await client.query<{ locked: boolean }>(text, [`countersign lock ${name}`])
  return rows[0]?.locked === true
}
