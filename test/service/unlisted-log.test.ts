import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runServer, serverFolder, TOKEN } from '../support/server.ts'

const PATHS = ['/log/checkpoint', '/log/entries', '/log/tile/0/000.p/1', '/audit/entries'] as const

test('only readers of the audit log may read an unlisted transparency log', async () => {
  const server = await runServer(serverFolder('log: { public: false }\n'))

  for (const path of PATHS) {
    const url = `${server.address}${path}`
    const anonymous = await fetch(url)
    const reader = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } })

    expect([path, anonymous.status, reader.status]).toEqual([path, 401, 200])
  }
})

test('a caller with all other permissions may not read the audit log', async () => {
  const folder = serverFolder()
  writeFileSync(
    join(folder.folder, 'policies', 'all.cedar'),
    'permit (principal, action, resource) unless { action == Action::"readLog" };\n',
  )
  const server = await runServer(folder)
  const ask = (path: string): Promise<Response> =>
    fetch(`${server.address}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } })

  expect((await ask('/v1/keys/release')).status).toBe(200)
  const refused = await ask('/audit/entries')
  expect(refused.status).toBe(403)
  expect(await refused.json()).toMatchObject({ code: 'ERR_NOT_ALLOWED' })
})
