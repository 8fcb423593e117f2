/** A key that was taken out of the configuration, and its claim rules with it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runServer, type TestServer } from '../support/server.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const OTHER = { use: 'token' } as const
const RULED = {
  use: 'token',
  claims: { forced: { tenant: 'acme' }, forbidden: ['admin'] },
} as const

/** A service with a key that has rules, which has signed and is stopped again. */
async function signedBefore(): Promise<{ folder: ServiceFolder; kids: readonly string[] }> {
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { sessions: RULED, other: OTHER },
  })
  const before = await runServer(folder)
  expect(await askToken(before, folder, 'sessions', {})).toMatchObject({ status: 200 })
  const kids = await servedKids(before)
  await before[Symbol.asyncDispose]()
  return { folder, kids }
}

/** Takes the key out, or gives it another name. */
async function restartWith(folder: ServiceFolder, name?: string): Promise<TestServer> {
  const config = JSON.parse(readFileSync(folder.config, 'utf8')) as {
    keys: Record<string, object>
  }
  const { sessions = {}, ...others } = config.keys
  const keys = name === undefined ? others : { ...others, [name]: sessions }
  writeFileSync(folder.config, JSON.stringify({ ...config, keys }))
  return runServer(folder)
}

async function askToken(
  { address }: TestServer,
  { authorization }: ServiceFolder,
  key: string,
  claims: object,
): Promise<{ readonly status: number; readonly code: unknown }> {
  const answer = await fetch(`${address}/v1/keys/${key}/tokens`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ audience: 'https://api.example.com', claims }),
  })
  const { code } = (await answer.json()) as { readonly code?: unknown }
  return { status: answer.status, code }
}

async function servedKids({ address }: TestServer): Promise<readonly string[]> {
  const answer = await fetch(`${address}/.well-known/jwks.json`)
  const { keys } = (await answer.json()) as { readonly keys: readonly { kid: string }[] }
  return keys.map(({ kid }) => kid)
}

test('a key that left the configuration never signs without its claim rules', async () => {
  const { folder } = await signedBefore()

  const after = await restartWith(folder)

  for (const claims of [{}, { admin: true, tenant: 'other' }]) {
    expect(await askToken(after, folder, 'sessions', claims)).toEqual({
      status: 409,
      code: 'ERR_KEY_NOT_USABLE',
    })
  }
  expect(await askToken(after, folder, 'other', {})).toMatchObject({ status: 200 })
})

test('signatures of such a key still verify, and the service is ready and reports its state', async () => {
  const { folder, kids } = await signedBefore()

  const after = await restartWith(folder)

  expect(await servedKids(after)).toEqual(expect.arrayContaining([...kids]))
  const ready = await fetch(`${after.address}/readyz`)
  expect(await ready.json()).toMatchObject({ ready: true })
  expect(after.warnings[0]).toBe(
    'sessions: no longer in countersign.yaml, so nothing is signed with it; what it signed still verifies',
  )
})

test('a renamed key is a new key and is reported as one', async () => {
  const { folder } = await signedBefore()

  const after = await restartWith(folder, 'renamed')

  expect(await askToken(after, folder, 'renamed', {})).toMatchObject({ status: 200 })
  expect(after.warnings[1]).toMatch(/^renamed: new, with key pairs of its own/)
})
