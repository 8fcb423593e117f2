import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { codeOfAsync } from '../support/errors.ts'
import { startOidcIssuer } from '../support/oidc-issuer.ts'
import { createPostgres } from '../support/postgres.ts'
import { runServer, serverFolder, TOKEN } from '../support/server.ts'

const FILE = Buffer.from('an artifact')

function sign(address: string, token = TOKEN): Promise<Response> {
  return fetch(`${address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ artifacts: [{ digest: digestOf(FILE), kind: 'file' }] }),
  })
}

test('a service with one configured key creates its own keys, and signs the first request', async () => {
  const server = await runServer(serverFolder())

  const answer = await sign(server.address)

  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ key: 'release', version: 1, results: [{}] })
  expect(server.keys.map(({ name, use }) => `${name} ${use}`).sort()).toEqual([
    'audit audit',
    'log log',
    'release artifact',
    'timestamp timestamp',
    'trust trust',
  ])
})

test('a service that started is ready, and says of what', async () => {
  const server = await runServer(serverFolder())

  const answer = await fetch(`${server.address}/readyz`)

  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({
    ready: true,
    checks: [
      'store',
      'log',
      'key states',
      'clock',
      'anchor',
      'approvals',
      'key history',
      'key audit',
      'key log',
      'key release',
      'key timestamp',
      'key trust',
    ].map((name) => ({
      ...{ name, ok: true },
      // The service can do its work without them.
      ...(['anchor', 'key history'].includes(name) && { advisory: true }),
    })),
  })
})

test('a service that starts again has the same keys', async () => {
  const folder = serverFolder()
  const first = await runServer(folder)
  const kids = first.versions.map(({ publicKey }) => publicKey.kid)
  await first[Symbol.asyncDispose]()

  const second = await runServer(folder)

  expect(second.versions.map(({ publicKey }) => publicKey.kid)).toEqual(kids)
})

test('an issuer whose keys are in a file is trusted without a request to it', async () => {
  const issuer = await startOidcIssuer({ audience: 'https://sign.example.com' })
  const { issuer: address } = issuer.settings
  const folder = serverFolder()
  writeFileSync(join(folder.folder, 'keys.json'), JSON.stringify(issuer.jwks()))
  const issuers = `issuers: [{ issuer: "${address}", allowPrivateAddresses: true, jwks: keys.json }]`
  const config = readFileSync(folder.config, 'utf8')
  writeFileSync(folder.config, config.replace('  staticTokens:', `  ${issuers}\n  staticTokens:`))
  const server = await runServer(folder)

  const answer = await sign(server.address, await issuer.mint())

  expect(answer.status).toBe(200)
  expect(issuer.requests).toEqual([])
})

test('unsafe settings are reported at the start', async () => {
  const { warnings } = await runServer(serverFolder())

  expect(warnings).toEqual([
    expect.stringContaining('static tokens are accepted') as string,
    expect.stringContaining('keys in files without a passphrase: release, timestamp') as string,
  ])
})

test('the log of the process has one line at the end of each request, and no token', async () => {
  const server = await runServer(serverFolder())

  await sign(server.address, 'e'.repeat(64))
  await sign(server.address)

  const log = server.lines.join('')
  expect(log).toContain('ERR_NOT_AUTHENTICATED')
  const lines = log.split('\n').filter((line) => line.includes('"request completed"'))
  const url = '/v1/keys/release/signatures'
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { req: { method: 'POST', url }, res: { statusCode: 401 } },
    { req: { method: 'POST', url }, res: { statusCode: 200 } },
  ])
  expect(log).not.toContain(TOKEN)
  expect(log).not.toContain('eeeeeeee')
})

test('an address that is taken fails the start and leaves the store free', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = taken.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const folder = serverFolder()
  const text = `serve: { listen: "127.0.0.1:${port}" }\n`
  const other = serverFolder()
  writeFileSync(
    other.config,
    `issuer: https://sign.example.com\nstore: sqlite:${join(folder.folder, 'service.db')}\nkeys: { release: { use: artifact, provider: "file:${folder.folder}/keys/" } }\n${text}`,
  )

  const code = await codeOfAsync(() => runServer(other))
  taken.close()
  const server = await runServer(folder)

  expect(code).toBe('ERR_NETWORK')
  expect(server.keys).toHaveLength(5)
})

test.each([
  ['a policy that does not parse', 'policy', 'ERR_POLICY_INVALID'],
  ['a missing token', 'token', 'ERR_CONFIG_INVALID'],
])('%s fails the start', async (_what, kind, code) => {
  const { env, ...folder } = serverFolder()
  if (kind === 'policy') writeFileSync(join(folder.folder, 'policies', 'bad.cedar'), 'permit (')

  const start = (): Promise<unknown> => runServer({ ...folder, env: kind === 'token' ? {} : env })

  expect(await codeOfAsync(start)).toBe(code)
})

test('a service without a public name has no issuer and does not start', async () => {
  const folder = serverFolder()
  writeFileSync(folder.config, 'serve: { listen: "127.0.0.1:0" }\n')

  expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_CONFIG_INVALID')
})

test('a PostgreSQL store is opened with the password of its reference, which no log line holds', async (context) => {
  const postgres = await createPostgres().catch(() => undefined)
  if (postgres === undefined) context.skip('PostgreSQL is not installed here')
  onTestFinished(() => postgres?.stop())
  const url = new URL((await postgres?.createDatabase()) ?? '')
  const { password } = url
  url.password = ''
  const folder = serverFolder()
  const provider = '{ use: USE, provider: file:keys/, algorithm: ALG }'
  const text = readFileSync(folder.config, 'utf8')
    .replace('sqlite:service.db', `${url.href}\nstorePassword: env:STORE_PASSWORD`)
    .replace(
      'keys:\n',
      `keys:\n${['log EdDSA', 'audit EdDSA', 'trust ES256', 'timestamp ES256']
        .map((line) => line.split(' '))
        .map(([use = '', algorithm = '']) => {
          const entry = provider.replace('USE', use).replace('ALG', algorithm)
          return `  ${use}: ${entry}\n`
        })
        .join('')}`,
    )
  writeFileSync(folder.config, text)
  const env = { ...folder.env, STORE_PASSWORD: decodeURIComponent(password) }

  const server = await runServer({ ...folder, env }, { migrate: true })

  expect((await sign(server.address)).status).toBe(200)
  expect(server.lines.join('')).not.toContain(env.STORE_PASSWORD)
})
