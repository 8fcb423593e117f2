import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../../src/store/open-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { freePort } from '../../support/free-port.ts'
import {
  createPostgres,
  POSTGRES_PASSWORD,
  type PostgresServer,
  query,
} from '../../support/postgres.ts'
import { appendEntries } from '../records.ts'

let primary: PostgresServer
let other: PostgresServer

beforeAll(async () => {
  primary = await createPostgres()
  other = await createPostgres()
})

afterAll(async () => {
  await primary.stop()
  await other.stop()
})

/** One address for the `postgres` databases of several servers. */
function addressOf(...ports: readonly string[]): string {
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',')
  return `postgres://postgres:${POSTGRES_PASSWORD}@${hosts}/postgres?target_session_attrs=read-write`
}

const portOf = (server: PostgresServer): string => new URL(server.url).port

async function open(url: string): Promise<Store> {
  const store = await openStore(url, { migrate: true })
  onTestFinished(() => store[Symbol.asyncDispose]())
  return store
}

async function setReadOnly(server: PostgresServer, isReadOnly: boolean): Promise<void> {
  const value = isReadOnly ? 'on' : 'off'
  await query(server.url, `alter system set default_transaction_read_only = ${value}`)
  await query(server.url, 'select pg_reload_conf()')
}

const append = (store: Store): Promise<number> =>
  store.transaction((records) => appendEntries(records, [['a']]))

test('of several hosts the first that answers and takes writes is used', async () => {
  const closed = String(await freePort())
  await setReadOnly(other, true)

  const store = await open(addressOf(closed, portOf(other), portOf(primary)))
  await append(store)
  await setReadOnly(other, false)

  const sizes = await query(primary.url, 'select size from log_head order by log')
  expect(sizes).toEqual([{ size: '1' }, { size: '0' }])
})

test('a primary that becomes read-only is left for the next host', async () => {
  const store = await open(addressOf(portOf(other), portOf(primary)))
  const migrated = await open(addressOf(portOf(primary)))
  for (let count = 0; count < 3; count += 1) await append(store)
  const readers = Array.from({ length: 5 })
  // Each takes a connection of its own, which stays open.
  await Promise.all(readers.map(() => store.log.head()))

  await setReadOnly(other, true)
  onTestFinished(() => setReadOnly(other, false))
  // A connection finds it out by a write that is refused and changes nothing; it ends the others too.
  const writing = async (): Promise<string> => codeOfAsync(() => append(store))
  await expect.poll(writing, { timeout: 20_000, interval: 10 }).toBe('ERR_STORE_UNAVAILABLE')

  const { size } = await migrated.log.head()
  const read = await Promise.all(readers.map(() => store.log.head()))
  expect(read.map((head) => head.size)).toEqual(readers.map(() => size))
  await append(store)
  expect((await migrated.log.head()).size).toBe(size + 1)
})

test('where no host takes writes, the start says so', async () => {
  await setReadOnly(other, true)
  onTestFinished(() => setReadOnly(other, false))
  const opening = openStore(addressOf(portOf(other), portOf(other)))

  await expect(opening).rejects.toMatchObject({
    code: 'ERR_STORE_UNAVAILABLE',
    message: expect.stringContaining('takes writes') as string,
  })
})

test.each([
  ['off', 'on'],
  ['local', 'on'],
  ['remote_write', 'on'],
  ['on', 'on'],
  ['remote_apply', 'remote_apply'],
])('where a role’s commits are %s, those of the store are %s', async (role, expected) => {
  const url = await primary.createDatabase()
  await query(url, `alter role postgres set synchronous_commit to ${role}`)
  onTestFinished(async () => {
    await query(url, 'alter role postgres reset synchronous_commit')
  })
  await query(
    url,
    `create schema countersign;
     create table countersign.seen (setting text);
     create function countersign.note() returns trigger language plpgsql as $$ begin
       insert into countersign.seen values (current_setting('synchronous_commit'));
       return null;
     end $$`,
  )
  const store = await open(url)
  await query(
    url,
    'create trigger note after update on log_head for each statement execute function note()',
  )

  await append(store)

  expect(await query(url, 'select setting from seen')).toEqual([{ setting: expected }])
})

test('a pool has as many connections as it was given', async () => {
  const url = await primary.createDatabase()
  await using store = await openStore(url, { migrate: true, maxConnections: 3 })

  await Promise.all(Array.from({ length: 20 }, () => store.ping()))

  const count = `select count(*)::int as n from pg_stat_activity
    where datname = current_database() and application_name = 'countersign'`
  expect(await query(url, count)).toEqual([{ n: 3 }])
})
