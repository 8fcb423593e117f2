/** What must never be written down: credentials that come in, tokens and private keys that are made. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const OUTSIDER = `Bearer ${'outsider'.repeat(8)}`
const DIGEST = digestOf(Buffer.from('an artifact'))

test('no credential, issued token or private key gets into logs, answers or the store', async () => {
  const keys = { release: { use: 'artifact' }, sessions: { use: 'token' } } as const
  const { folder, authorization, ...rest } = writeServiceFolder({
    folder: createTempFolder(),
    keys,
  })
  const server = await runServer({ folder, ...rest })
  const call = async (path: string, body: object, bearer = authorization): Promise<string> => {
    const answer = await fetch(`${server.address}${path}`, {
      method: 'POST',
      headers: { authorization: bearer, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return answer.text()
  }

  const issued = JSON.parse(await call('/v1/keys/sessions/tokens', { audience: 'api' })) as {
    readonly token: string
  }
  const question = { token: issued.token, tokenPolicy: { audience: 'api' } }
  const answers = [
    await call('/v1/verifications', question),
    await call('/v1/verifications', { ...question, tokenPolicy: { audience: 'other' } }),
    await call('/v1/verifications', question, OUTSIDER),
    await call('/v1/keys/release/signatures', { artifacts: [{ digest: DIGEST, kind: 'file' }] }),
    await call('/v1/keys/release/tokens', { audience: 'api', [issued.token]: 1 }),
    await call('/v1/keys/missing/tokens', { audience: 'api' }),
    await (await fetch(`${server.address}/log/entries`)).text(),
    await (await fetch(`${server.address}/trust/keys.json`)).text(),
  ]
  await server[Symbol.asyncDispose]()

  const pems = readdirSync(join(folder, 'keys')).map((name) => join(folder, 'keys', name))
  const halves = pems
    .map((path) => readFileSync(path, 'utf8'))
    .filter((pem) => pem.includes('PRIVATE'))
  const secrets = [
    authorization.slice('Bearer '.length),
    OUTSIDER.slice('Bearer '.length),
    ...issued.token.split('.').slice(1),
    ...halves.map((pem) => pem.split('\n')[1] ?? 'nothing'),
  ]
  const stored = readdirSync(folder).filter((name) => name.startsWith('service.db'))
  const places = [
    ...answers,
    server.lines.join(''),
    ...stored.map((name) => readFileSync(join(folder, name), 'latin1')),
  ]
  expect([stored.length > 0, halves.length > 4, server.lines.length > 8]).toEqual([
    true,
    true,
    true,
  ])
  for (const secret of secrets) {
    for (const place of places) expect(place.includes(secret)).toBe(false)
  }
})
