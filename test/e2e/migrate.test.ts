/** `countersign serve --migrate` on PostgreSQL, as replicas are brought up. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPostgres, type PostgresServer, query } from '../support/postgres.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { startServiceProcess } from '../support/service-process.ts'
import { createTempFolder } from '../support/temp-folder.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await createPostgres()
})

afterAll(() => server.stop())

async function emptyFolder(): Promise<{ readonly folder: ServiceFolder; readonly store: string }> {
  const store = await server.createDatabase()
  const keys = { release: { use: 'artifact' } } as const
  return { folder: writeServiceFolder({ folder: createTempFolder(), store, keys }), store }
}

const isReady = async ({ url }: { readonly url: string }): Promise<boolean> =>
  (await fetch(`${url}/readyz`)).ok

test('without --migrate an empty database is left alone, with the command that fills it', async () => {
  const { folder, store } = await emptyFolder()

  await expect(startServiceProcess(folder, { args: [] })).rejects.toThrow(
    /its schema has no tables yet \[ERR_STORE_UNAVAILABLE\]\nhint: {2}bring it up to date once with: countersign serve --migrate/,
  )
  const tables = await query(store, "select 1 from pg_tables where schemaname = 'countersign'")
  expect(tables).toEqual([])
})

test('two replicas that migrate at once share one schema and one set of keys', async () => {
  const { folder, store } = await emptyFolder()
  const replicas = await Promise.all([startServiceProcess(folder), startServiceProcess(folder)])
  await using first = replicas[0]
  await using second = replicas[1]

  expect(await Promise.all([isReady(first), isReady(second)])).toEqual([true, true])
  const active = await query(
    store,
    "select key from countersign.key_versions where state = 'active'",
  )
  expect(active).toHaveLength(5)

  await using third = await startServiceProcess(folder, { args: [] })
  expect(await isReady(third)).toBe(true)
})

test('a schema that is newer than the program is refused, and not touched', async () => {
  const { folder, store } = await emptyFolder()
  await (await startServiceProcess(folder)).kill()
  await query(
    store,
    "insert into countersign_migrations (name, timestamp) values ('9999-later', '2030-01-01')",
  )

  await expect(startServiceProcess(folder)).rejects.toThrow(
    'its schema is newer than this version, by 9999-later',
  )
})
