/** An attacker who cuts a replica off from the store, so that it knows of no revocation: it vouches for nothing. */
import { expect, test } from 'vitest'
import { createPostgres } from '../support/postgres.ts'
import { runServer } from '../support/server.ts'
import { verdictOf } from '../support/service-client.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const MAX_AGE_MS = 300_000

test('a replica without the store serves its documents for their max-age and no longer', async () => {
  await using started = new AsyncDisposableStack()
  const postgres = await createPostgres()
  started.defer(() => postgres.stop())
  const store = await postgres.createDatabase()
  const keys = { release: { use: 'artifact' }, sessions: { use: 'token' } } as const
  const folder = writeServiceFolder({ folder: createTempFolder(), store, keys })
  let passedMs = 0
  const now = (): Date => new Date(Date.now() + passedMs)
  const clock = { now, monotonicMs: () => performance.now() + passedMs }
  const server = await runServer(folder, { migrate: true, clock })
  const [version] = server.versions.filter(({ key }) => key === 'release')
  const paths = [
    '/.well-known/jwks.json',
    '/.well-known/openid-configuration',
    '/trust/keys.json',
    '/trust/trusted-root.json',
    `/keys/${version?.publicKey.kid ?? ''}.pem`,
  ]
  const ask = () =>
    Promise.all(paths.map(async (path) => verdictOf(await fetch(`${server.address}${path}`))))
  const served = await (await fetch(`${server.address}${paths[0] ?? ''}`)).json()
  expect(served).toMatchObject({ refreshHintSeconds: MAX_AGE_MS / 1000 })
  await postgres.crash()

  passedMs = MAX_AGE_MS - 60_000
  expect(await ask()).toEqual(paths.map(() => ({ status: 200, code: undefined })))
  passedMs = MAX_AGE_MS + 60_000
  expect(await ask()).toEqual(paths.map(() => ({ status: 503, code: 'ERR_STORE_UNAVAILABLE' })))
})
