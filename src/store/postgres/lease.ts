import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { HeldLock } from '../database.ts'
import type { Tables } from '../tables.ts'
import { storeUnavailable } from '../unavailable.ts'

/** How long a lease outlives a replica that was killed; by the clock of the database. */
const LEASE_MS = 6000

/** A lease that could not be renewed twice may have ended. */
const RENEWAL_MS = 2000
const MOST_FAILURES = 2

const NOW = sql`pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp()) * 1000)::bigint`

/**
 * Takes a lease: a row that is renewed through the pool while it is held, and that ends by itself. It needs no
 * connection of its own, so there may be as many as requests; undefined where another replica has it.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — the server does not answer
 */
export async function tryLease(db: Kysely<Tables>, name: string): Promise<HeldLock | undefined> {
  const holder = randomUUID()
  if (!(await claim(db, name, holder))) return undefined
  const lost = new AbortController()
  let failures = 0
  const lose = (cause?: unknown): void => {
    lost.abort(storeUnavailable(`the lease "${name}" has ended`, { cause }))
  }
  const renewal = setInterval(() => {
    renew(db, name, holder).then(
      (isHeld) => {
        failures = 0
        if (!isHeld) lose()
      },
      (error: unknown) => {
        failures += 1
        if (failures >= MOST_FAILURES) lose(error)
      },
    )
  }, RENEWAL_MS).unref()
  return {
    lost: lost.signal,
    [Symbol.asyncDispose]: async () => {
      clearInterval(renewal)
      // One that stays ends by itself.
      await end(db, name, holder).catch(() => undefined)
    },
  }
}

/** Not durable, so that it waits for no disk: a server that crashed ends the work of its holder too. */
async function claim(db: Kysely<Tables>, name: string, holder: string): Promise<boolean> {
  const { rows } = await sql`
    with quick as materialized (select pg_catalog.set_config('synchronous_commit', 'off', true))
    insert into leases (name, holder, ends_at)
    select ${name}, ${holder}, ${NOW} + ${LEASE_MS}::bigint from quick
    on conflict (name) do update set holder = excluded.holder, ends_at = excluded.ends_at
    where leases.ends_at <= ${NOW}
    returning name`.execute(db)
  return rows.length === 1
}

async function renew(db: Kysely<Tables>, name: string, holder: string): Promise<boolean> {
  const { rows } = await sql`update leases set ends_at = ${NOW} + ${LEASE_MS}::bigint
    where name = ${name} and holder = ${holder} returning name`.execute(db)
  return rows.length === 1
}

async function end(db: Kysely<Tables>, name: string, holder: string): Promise<void> {
  await sql`
    with quick as materialized (select pg_catalog.set_config('synchronous_commit', 'off', true))
    delete from leases using quick where name = ${name} and holder = ${holder}`.execute(db)
}

/** Deletes leases that ended without their holders. */
export async function sweepLeases(db: Kysely<Tables>): Promise<void> {
  await sql`delete from leases where ends_at <= ${NOW}`.execute(db)
}
