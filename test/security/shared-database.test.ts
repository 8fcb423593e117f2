/** A role that may connect to the database of the service, and no more: it can neither stop it nor steer it. */
import { Client } from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../src/store/open-store.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createPostgres, type PostgresServer, query } from '../support/postgres.ts'
import { runServer } from '../support/server.ts'
import { ServiceClient, type Verdict } from '../support/service-client.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const RELEASED: Verdict = { status: 200, code: undefined }

let server: PostgresServer

beforeAll(async () => {
  server = await createPostgres()
  await query(server.url, `create role outsider login password 'outsider'`)
})

afterAll(() => server.stop())

/** A session of the role that may connect, until the test ends. */
async function connectOutsider(store: string): Promise<Client> {
  const url = new URL(store)
  url.username = 'outsider'
  url.password = 'outsider'
  return connect(url.href)
}

async function connect(url: string): Promise<Client> {
  const client = new Client(url)
  client.on('error', () => undefined)
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

function createFolder(store: string): ServiceFolder {
  const keys = { release: { use: 'artifact' } } as const
  return writeServiceFolder({ folder: createTempFolder(), store, keys })
}

async function startClient(folder: ServiceFolder): Promise<ServiceClient> {
  const { address } = await runServer(folder, { migrate: true })
  return new ServiceClient({ address, authorization: folder.authorization })
}

test('advisory locks of another role delay neither the start nor a change of keys', async () => {
  const store = await server.createDatabase()
  const outsider = await connectOutsider(store)
  for (const name of ['lock scheduler', 'lock new-pair:release', 'key release']) {
    await outsider.query('select pg_advisory_lock(hashtextextended($1, 0))', [
      `countersign ${name}`,
    ])
  }
  // Of the library that runs the migrations.
  await outsider.query('select pg_advisory_lock(3853314791062309107)')

  const client = await startClient(createFolder(store))

  expect(await client.sign()).toEqual(RELEASED)
  expect(await client.revoke('release')).toEqual(RELEASED)
})

test('a role without privileges reads, locks and changes nothing of the store', async () => {
  const store = await server.createDatabase()
  await using opened = await openStore(store, { migrate: true })
  await opened.ping()
  const outsider = await connectOutsider(store)

  for (const statement of [
    'select name from countersign.locks for update',
    'select data from countersign.log_entries',
    'begin; lock table countersign.log_head in access share mode',
    'rollback; select 1 from countersign.keys',
    'create table countersign.keys2 (name text)',
    `insert into countersign.locks values ('lock scheduler')`,
  ]) {
    await expect(outsider.query(statement)).rejects.toMatchObject({ code: '42501' })
  }
})

test('tables and functions in another schema never replace those of the store or the server', async () => {
  const store = await server.createDatabase()
  await query(store, 'grant create on schema public to outsider')
  const outsider = await connectOutsider(store)
  const wrong = `language sql as $$ select now() - interval '1 hour' $$`
  await outsider.query(`create function public.clock_timestamp() returns timestamptz ${wrong}`)
  await outsider
    .query(
      `create function public.pg_notify(text, unknown) returns void language sql as $$ select $$`,
    )
    .catch(() => undefined)
  for (const table of ['countersign_migrations', 'locks', 'keys', 'log_head']) {
    await outsider.query(`create table public.${table} (name text)`)
    await outsider.query(`grant all on public.${table} to public`)
  }

  const client = await startClient(createFolder(store))

  expect(await client.sign()).toEqual(RELEASED)
  for (const table of ['countersign_migrations', 'locks', 'keys', 'log_head']) {
    expect(await query(store, `select * from public.${table}`)).toEqual([])
  }
})

test('a schema created first by another role is refused', async () => {
  const store = await server.createDatabase()
  await query(store, `create role service login password 'service'`)
  await query(
    store,
    `do $$ begin execute format('grant create on database %I to outsider, service', current_database()); end $$`,
  )
  const outsider = await connectOutsider(store)
  await outsider.query('create schema countersign')
  await outsider.query('grant all on schema countersign to service')
  const url = store.replace(/\/\/[^@]*@/, '//service:service@')

  expect(await codeOfAsync(() => openStore(url, { migrate: true }))).toBe('ERR_CONFIG_INVALID')
})

test('a revocation succeeds while the key is locked, and no other change of it does', async () => {
  const store = await server.createDatabase()
  const client = await startClient(createFolder(store))
  await client.waitForStandby('release')
  const owner = await connect(store)
  await owner.query('begin')
  await owner.query(
    `select from countersign.locks where name in ('key release', 'lock scheduler') for update`,
  )

  const [other, revoked] = await Promise.all([
    client.post('/v1/keys/release/rotate', { force: true, reason: 'a test' }),
    client.revoke('release'),
  ])

  expect(revoked).toEqual(RELEASED)
  expect(other).toEqual({ status: 503, code: 'ERR_STORE_UNAVAILABLE' })
})
