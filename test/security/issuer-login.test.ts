/** An attacker who is after the token by which a service reads the keys of an issuer, or who stands in for that issuer. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { IssuerEntry } from '../../src/config/sections/access.ts'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { type LoopbackRequest, startLoopbackServer } from '../support/loopback-server.ts'
import { startRawServer } from '../support/raw-server.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { signAnyToken } from '../support/tokens.ts'

const LOGIN = 'login-token-of-the-service'
const AUDIENCE = 'https://sign.example.com'
const SET = JSON.stringify({ keys: [serializePublicKeyJwk(testSigner().key)] })
const METADATA = '/.well-known/openid-configuration'

/** A service that accepts one issuer, and reads the keys of it with a token. */
interface Scene {
  readonly server: TestServer
  readonly tokenFile: string
  /** Calls as a caller of the issuer; answers status and body. */
  readonly call: () => Promise<readonly [number, string]>
}

async function startScene(
  issuer: string,
  more: (tokenFile: string) => Omit<IssuerEntry, 'issuer'> = (tokenFile) => ({ tokenFile }),
): Promise<Scene> {
  const folder = createTempFolder()
  const tokenFile = join(folder, 'login-token')
  writeFileSync(tokenFile, `${LOGIN}\n`)
  const entry = { issuer, allowPrivateAddresses: true, ...more(tokenFile) }
  const service = writeServiceFolder({
    folder,
    keys: { sessions: { use: 'token' } },
    access: { issuers: [entry] },
  })
  const server = await runServer(service)
  const call: Scene['call'] = async () => {
    const iat = Math.floor(Date.now() / 1000)
    const claims = { iss: issuer, aud: AUDIENCE, sub: 'job-7', iat, exp: iat + 300 }
    const answer = await fetch(`${server.address}/v1/keys/sessions`, {
      headers: { authorization: `Bearer ${await signAnyToken(claims)}` },
    })
    return [answer.status, await answer.text()]
  }
  return { server, tokenFile, call }
}

const logins = (requests: readonly LoopbackRequest[]): readonly unknown[] =>
  requests.map(({ path, headers }) => [path, headers.authorization])

test('the keys of an issuer that needs a login are read with the current token of the file', async () => {
  const accepted = { token: LOGIN }
  const issuer = await startLoopbackServer(({ path, headers }) => {
    if (headers.authorization !== `Bearer ${accepted.token}`) return { status: 401, body: '{}' }
    const metadata = JSON.stringify({ issuer: issuer.url, jwks_uri: `${issuer.url}/keys` })
    return { status: 200, body: path === METADATA ? metadata : SET }
  })
  const { call } = await startScene(issuer.url)
  const renewed = await startScene(issuer.url)

  expect((await call())[0]).toBe(200)
  accepted.token = 'renewed'
  writeFileSync(renewed.tokenFile, accepted.token)
  expect((await renewed.call())[0]).toBe(200)
  expect(logins(issuer.requests)).toEqual(
    [LOGIN, 'renewed'].flatMap((token) => [
      [METADATA, `Bearer ${token}`],
      ['/keys', `Bearer ${token}`],
    ]),
  )
})

test('metadata cannot direct the token to another origin', async () => {
  const thief = await startLoopbackServer(() => ({ status: 401, body: '{}' }))
  const issuer = await startLoopbackServer(() => ({
    status: 200,
    body: JSON.stringify({ issuer: issuer.url, jwks_uri: `${thief.url}/keys` }),
  }))
  const { call, server } = await startScene(issuer.url)

  const [status, text] = await call()

  expect([status, JSON.parse(text)]).toMatchObject([502, { code: 'ERR_NETWORK' }])
  expect(logins(thief.requests)).toEqual([['/keys', undefined]])
  expect(server.lines.join('')).toContain(`sent to ${issuer.url} alone`)
})

test.each([301, 302, 303, 307, 308])('a redirect with status %i gets no token', async (status) => {
  const seen: (readonly [string | undefined, string | undefined])[] = []
  const issuer = await startRawServer((request, response) => {
    seen.push([request.url, request.headers.authorization])
    if (request.url === '/keys') response.writeHead(status, { location: '/elsewhere' }).end()
    else response.writeHead(401).end()
  })
  const { call } = await startScene('https://idp.example', (tokenFile) => ({
    tokenFile,
    jwksUri: `${issuer.origin}/keys`,
  }))

  expect((await call())[0]).toBe(502)
  expect(seen).toEqual([
    ['/keys', `Bearer ${LOGIN}`],
    ['/elsewhere', undefined],
  ])
})

test('neither answers nor the log contain the token, even if the issuer refuses or repeats it', async () => {
  for (const answer of [
    { status: 403, body: LOGIN },
    { status: 200, body: LOGIN },
    { status: 200, body: JSON.stringify({ issuer: 'https://other.example', jwks_uri: 'x' }) },
  ]) {
    const issuer = await startLoopbackServer(() => answer)
    const { call, server } = await startScene(issuer.url)

    const [status, text] = await call()

    expect(status).toBe(502)
    expect(logins(issuer.requests)).toEqual([[METADATA, `Bearer ${LOGIN}`]])
    expect(server.lines.length).toBeGreaterThan(0)
    expect(`${server.lines.join('')}${text}`).not.toContain(LOGIN)
  }
})

test.each(['', 'two tokens', 'token\r\nx-injected: 1', 'tök'])(
  'a file that holds %j is not sent as a token',
  async (content) => {
    const issuer = await startLoopbackServer(() => ({ status: 200, body: SET }))
    const { call, tokenFile } = await startScene(issuer.url)
    writeFileSync(tokenFile, content)

    expect((await call())[0]).toBe(502)
    expect(issuer.requests).toEqual([])
  },
)

test('an issuer that needs a login is named in the log with the setting to add', async () => {
  for (const status of [401, 403]) {
    const issuer = await startLoopbackServer(() => ({ status, body: '{}' }))
    const { call, server } = await startScene(issuer.url, () => ({}))

    const [answered, text] = await call()

    expect(answered).toBe(502)
    expect(server.lines.join('')).toContain('access.issuers[].tokenFile')
    expect(text).not.toContain('tokenFile')
  }
})

test('a service whose token file is missing does not start', async () => {
  await expect(
    startScene('https://idp.example', () => ({ tokenFile: '/nonexistent/token' })),
  ).rejects.toMatchObject({ code: 'ERR_FILE_READ' })
})
