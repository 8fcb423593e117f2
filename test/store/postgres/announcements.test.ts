import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenForAnnouncements } from '../../../src/store/postgres/announcements.ts'
import { Servers } from '../../../src/store/postgres/servers.ts'
import { createPostgres, type PostgresServer } from '../../support/postgres.ts'

let postgres: PostgresServer

beforeAll(async () => {
  postgres = await createPostgres()
})

afterAll(() => postgres.stop())

test('listening that is stopped while it connects ends', async () => {
  const settings = { timeoutMs: 5000, pollMs: 1000, maxConnections: 1, password: undefined }
  const servers = await Servers.open(`${postgres.url}?sslmode=disable`, settings)
  const stop = new AbortController()

  const listening = listenForAnnouncements(servers, () => undefined, stop.signal)
  stop.abort()

  await expect(listening).resolves.toBeUndefined()
})
