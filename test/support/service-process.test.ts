import { expect, test } from 'vitest'
import { writeServiceFolder } from './service-folder.ts'
import { startServiceProcess } from './service-process.ts'
import { createTempFolder } from './temp-folder.ts'

function folderOf(issuer?: string): ReturnType<typeof writeServiceFolder> {
  const keys = { sessions: { use: 'token' } } as const
  return writeServiceFolder({ folder: createTempFolder(), keys, ...(issuer && { issuer }) })
}

test('a service runs in its own process and exits cleanly on a signal', async () => {
  const folder = folderOf()
  await using service = await startServiceProcess(folder)

  const answer = await fetch(`${service.url}/v1/keys/sessions/tokens`, {
    method: 'POST',
    headers: { authorization: folder.authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ audience: 'https://api.example.com' }),
  })

  expect(await answer.json()).toMatchObject({ key: 'sessions', version: 1 })
  expect(await service.kill()).toEqual({ code: 0, signal: null })
})

test('a killed service has ended, and the next one has the same keys', async () => {
  const folder = folderOf()
  const first = await startServiceProcess(folder)
  const before = await (await fetch(`${first.url}/.well-known/jwks.json`)).json()

  const end = await first.kill('SIGKILL')
  await using second = await startServiceProcess(folder)

  expect(end.signal).toBe('SIGKILL')
  expect(await (await fetch(`${second.url}/.well-known/jwks.json`)).json()).toEqual(before)
})

test('a service that cannot start is reported with all its output', async () => {
  await expect(startServiceProcess(folderOf('no address'))).rejects.toThrow('issuer')
})
