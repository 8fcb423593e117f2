import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { codeOfAsync } from '../support/errors.ts'
import { runServer, type ServerFolder, serverFolder, type TestServer } from '../support/server.ts'

const named = (folder: ServerFolder, origin: string): ServerFolder => ({
  ...folder,
  env: { ...folder.env, COUNTERSIGN_LOG_ORIGIN: origin },
})

/** The first line of its checkpoint, once there is one. */
async function nameOf({ address }: TestServer): Promise<string | undefined> {
  for (let look = 0; look < 100; look += 1) {
    const answer = await fetch(`${address}/log/checkpoint`)
    const text = await answer.text()
    if (answer.ok) return text.split('\n')[0]
    await delay(50)
  }
  return undefined
}

test('a log does not go on under another name, unless it is begun anew', async () => {
  const folder = serverFolder()
  const first = await runServer(folder)
  const before = await nameOf(first)
  await first[Symbol.asyncDispose]()
  const renamed = named(folder, 'sign.example.com/log-2026')

  expect(before).toBe('sign.example.com/log')
  expect(await codeOfAsync(() => runServer(renamed))).toBe('ERR_CONFIG_INVALID')
  const anew = await runServer(renamed, { newLog: true })
  expect(await nameOf(anew)).toBe('sign.example.com/log-2026')
  await anew[Symbol.asyncDispose]()

  const next = await runServer(renamed)
  expect(await nameOf(next)).toBe('sign.example.com/log-2026')
  await next[Symbol.asyncDispose]()
  expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_CONFIG_INVALID')
})

test('beginning anew what has the right name changes nothing', async () => {
  const folder = serverFolder()
  const first = await runServer(folder)
  const before = await nameOf(first)
  await first[Symbol.asyncDispose]()

  const again = await runServer(folder, { newLog: true })

  expect(await nameOf(again)).toBe(before)
  expect(again.lines.join('')).not.toContain('"level":50')
})
