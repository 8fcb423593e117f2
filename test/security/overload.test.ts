/**
 * Overload by callers whom no policy permits anything: what they send is refused before it is read, and what
 * they may send is bounded. Asserted by order and counts; `npm run bench -- --only service-overload` has the times.
 *
 * @packageDocumentation
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { ServeEntry } from '../../src/config/sections/serve.ts'
import { GITHUB_CLAIMS } from '../support/identity-claims.ts'
import { startOidcIssuer } from '../support/oidc-issuer.ts'
import { nextProblem, sendHead } from '../support/raw-client.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** Bytes that are announced, and never sent. */
const ANNOUNCED = 16_500_000

interface Scene {
  readonly server: TestServer
  /** Of a caller whom the policies permit to sign and attest with `release`. */
  readonly permitted: string
  /** Of a caller of the same issuer whom they permit nothing. */
  readonly outsider: string
}

async function startScene(serve: ServeEntry = {}): Promise<Scene> {
  const issuer = await startOidcIssuer({ claims: GITHUB_CLAIMS })
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { release: { use: 'artifact' }, sessions: { use: 'token' } },
    access: { issuers: [{ issuer: issuer.issuer, allowPrivateAddresses: true }] },
    policies: `permit (
      principal in Issuer::"${issuer.issuer}",
      action in [Action::"sign", Action::"attest"],
      resource == Key::"release"
    ) when {
      principal has repository_id && principal.repository_id == "${String(GITHUB_CLAIMS['repository_id'])}" &&
      context.subject.name like "ghcr.io/acme/*"
    };`,
    serve: { requestTimeout: '3s', ...serve },
  })
  const server = await runServer(folder)
  const bearer = async (claims: object): Promise<string> =>
    `Bearer ${await issuer.mint({ ...claims })}`
  return {
    server,
    permitted: await bearer({}),
    outsider: await bearer({ repository_id: '6', sub: 'repo:evil/x' }),
  }
}

test('a caller without a permission is refused before a byte of the body', async () => {
  const { server, outsider } = await startScene()
  const headers = { authorization: outsider, 'content-length': ANNOUNCED }
  const expected = {
    '/v1/keys/release/signatures': 'ERR_NOT_ALLOWED',
    '/v1/keys/release/attestations': 'ERR_NOT_ALLOWED',
    '/v1/keys/sessions/tokens': 'ERR_NOT_ALLOWED',
    '/v1/keys': 'ERR_NOT_ALLOWED',
    '/v1/keys/release/revoke?dryRun=true': 'ERR_NOT_ALLOWED',
    '/v1/approvals/one': 'ERR_NOT_ALLOWED',
    '/v1/keys/unknown/signatures': 'ERR_KEY_NOT_FOUND',
    [`/v1/keys/${'x'.repeat(64)}/signatures`]: 'ERR_REQUEST_INVALID',
  }

  const codes: [string, string][] = []
  for (const path of Object.keys(expected)) {
    const socket = await sendHead(server.address, { path, headers })
    codes.push([path, (await nextProblem(socket)).code])
  }

  expect(Object.fromEntries(codes)).toEqual(expected)
})

test('an address without a route reads no body', async () => {
  const { server } = await startScene()

  const headers = { 'content-length': ANNOUNCED }
  const socket = await sendHead(server.address, { path: '/v1/nothing', headers })

  expect(await nextProblem(socket)).toMatchObject({ code: 'ERR_ROUTE_NOT_FOUND' })
})

test('a permitted caller is still refused for the content of the body', async () => {
  const { server, permitted } = await startScene()
  const body = { artifacts: [{ digest: `sha256:${'a'.repeat(64)}`, kind: 'image', name: 'other' }] }

  const answer = await fetch(`${server.address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization: permitted, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

  expect(answer.status).toBe(403)
  expect(await answer.json()).toMatchObject({ code: 'ERR_NOT_ALLOWED' })
})

test('a body that never arrives takes no slot from another caller', async () => {
  const { server, permitted } = await startScene({ maxConcurrent: 2, maxQueue: 2 })
  const headers = { authorization: permitted, 'content-length': ANNOUNCED }
  const path = '/v1/keys/release/attestations'
  const slow: Socket[] = []
  for (let count = 0; count < 16; count += 1) {
    const socket = await sendHead(server.address, { path, headers })
    socket.write('{"subjects":')
    slow.push(socket)
  }

  const answer = await verify(server, permitted, JSON.stringify({}))

  expect(answer).toMatchObject({ code: 'ERR_REQUEST_INVALID' })
  expect(slow.map(({ bytesRead }) => bytesRead)).toEqual(slow.map(() => 0))
})

test('a body that is incomplete at its deadline ends with the connection', async () => {
  const { server, permitted } = await startScene({ requestTimeout: '10m', bodyTimeout: '1s' })
  const headers = { authorization: permitted, 'content-length': ANNOUNCED }
  const socket = await sendHead(server.address, { path: '/v1/keys/release/attestations', headers })
  const ended = once(socket, 'close')

  expect(await nextProblem(socket)).toMatchObject({ code: 'ERR_TIMEOUT', status: 408 })
  await ended
})

test('a body larger than a bundle needs is refused to an unpermitted caller before it is sent', async () => {
  const { server, outsider } = await startScene()
  const headers = { authorization: outsider, 'content-length': ANNOUNCED }

  const socket = await sendHead(server.address, { path: '/v1/verifications', headers })

  expect(await nextProblem(socket)).toMatchObject({ code: 'ERR_INPUT_TOO_LARGE' })
})

test.each(['permitted', 'outsider'] as const)(
  'a body of millions of empty objects is refused before it is whole: of a %s caller',
  async (who) => {
    const scene = await startScene()
    const headers = { authorization: scene[who], 'transfer-encoding': 'chunked' }
    const socket = await sendHead(scene.server.address, { path: '/v1/verifications', headers })

    // Chunked, and the last chunk never comes.
    const objects = `[${'{},'.repeat(2_000_000)}`
    socket.write(`${objects.length.toString(16)}\r\n${objects}\r\n`)

    expect(await nextProblem(socket)).toMatchObject({ code: 'ERR_INPUT_TOO_LARGE' })
  },
)

test('unpermitted callers share the memory of their network, however many names they use', async () => {
  const { server, outsider } = await startScene()
  const headers = { authorization: outsider, 'content-length': 524_288 }
  const sockets: Socket[] = []
  for (let count = 0; count < 12; count += 1) {
    const socket = await sendHead(server.address, { path: '/v1/verifications', headers })
    socket.write(`"${'a'.repeat(500_000)}`)
    sockets.push(socket)
  }

  const refused = await Promise.race(sockets.map(nextProblem))

  expect(refused).toMatchObject({ code: 'ERR_THROTTLED', retryable: true })
})

async function verify(server: TestServer, authorization: string, body: string): Promise<unknown> {
  const answer = await fetch(`${server.address}/v1/verifications`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body,
  })
  return answer.json()
}
