import { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSchema } from '../../../src/store/postgres/schema.ts'
import { createPostgres, type PostgresServer, query } from '../../support/postgres.ts'

const DATABASES = 15
const REPLICAS = 8

let server: PostgresServer

beforeAll(async () => {
  server = await createPostgres()
})

afterAll(() => server.stop())

/** Makes the schema of one new database from several connections that are open already. */
async function createAtOnce(): Promise<number> {
  const url = await server.createDatabase()
  const pools = Array.from(
    { length: REPLICAS },
    () => new Pool({ connectionString: url, max: 1, options: '-c search_path=pg_catalog' }),
  )
  await Promise.all(pools.map((pool) => pool.query('select 1')))
  try {
    await Promise.all(pools.map((pool) => createSchema(pool)))
  } finally {
    await Promise.all(pools.map((pool) => pool.end()))
  }
  return (await query(url, 'select name from countersign.locks')).length
}

// Each name that a replica finds missing may be there a moment later, as a schema, a table or a type; of as
// many tries as these, some met each case before the last was known.
test('replicas that make the schema at the same moment all succeed', async () => {
  const locks: number[] = []
  for (let count = 0; count < DATABASES; count += 1) locks.push(await createAtOnce())

  expect(locks).toEqual(Array<number>(DATABASES).fill(1))
})
