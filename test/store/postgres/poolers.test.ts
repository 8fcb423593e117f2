import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../../src/store/open-store.ts'
import { createPgBouncer, type PoolMode } from '../../support/pgbouncer.ts'
import { createPostgres, type PostgresServer } from '../../support/postgres.ts'
import { runServer } from '../../support/server.ts'
import { ServiceClient } from '../../support/service-client.ts'
import { writeServiceFolder } from '../../support/service-folder.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await createPostgres()
})

afterAll(() => server.stop())

/** The address of a new database behind a pooler. */
async function behindPooler(mode: PoolMode): Promise<string> {
  const pooler = await createPgBouncer(server.url, mode)
  onTestFinished(() => pooler.stop())
  return pooler.addressOf(await server.createDatabase())
}

test('behind PgBouncer in session mode, as it comes, the service starts, signs and revokes', async () => {
  const store = await behindPooler('session')
  const keys = { release: { use: 'artifact' } } as const
  const folder = writeServiceFolder({ folder: createTempFolder(), store, keys })

  const { address } = await runServer(folder, { migrate: true })
  const client = new ServiceClient({ address, authorization: folder.authorization })

  expect(await client.sign()).toEqual({ status: 200, code: undefined })
  expect(await client.revoke('release')).toEqual({ status: 200, code: undefined })
})

test.each(['transaction', 'statement'] as const)(
  'PgBouncer in %s mode is refused at the start, by name',
  async (mode) => {
    const url = await behindPooler(mode)

    const refusals = await Promise.all(
      // Beside each other, as replicas that start at once.
      [1, 2, 3].map(() => openStore(url, { migrate: true }).catch((error: unknown) => error)),
    )

    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringContaining('pooler in transaction mode') as string,
        hint: expect.stringContaining('pool_mode = session') as string,
      })
    }
  },
)

test('a store tells a pooler apart from a server that others use at the same time', async () => {
  const url = await server.createDatabase()
  await using first = await openStore(url, { migrate: true })
  const others = await Promise.all([1, 2, 3, 4].map(() => openStore(url)))
  onTestFinished(async () => {
    for (const store of others) await store[Symbol.asyncDispose]()
  })

  await expect(first.ping()).resolves.toBeUndefined()
})
