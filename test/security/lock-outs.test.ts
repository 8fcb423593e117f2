/**
 * Lock-outs and growth: a client that misbehaves keeps no other client of its address out, and what clients
 * without a permission write into the log is bounded.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ServeEntry } from '../../src/config/sections/serve.ts'
import { digestOf } from '../../src/crypto/digest.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { openStore } from '../../src/store/open-store.ts'
import { encodeTimestampRequest } from '../../src/timestamp/request.ts'
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

interface Scene {
  readonly server: TestServer
  readonly folder: ServiceFolder
  /** Its callers have no permission; the caller with the static token of the folder has all. */
  readonly issuer: OidcIssuer
}

async function startScene(serve: ServeEntry = {}): Promise<Scene> {
  const issuer = await startOidcIssuer()
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { release: { use: 'artifact' } },
    policies: 'permit (principal in Issuer::"static", action, resource);',
    serve,
    access: { issuers: [{ issuer: issuer.issuer, allowPrivateAddresses: true }] },
  })
  const server = await runServer(folder)
  return { server, folder, issuer }
}

const TIMESTAMP = digestOf(Buffer.from('a signature'))

/** Asks for a time stamp; answers the code of the problem, or the status. */
async function stamp(server: TestServer, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await fetch(`${server.address}/v1/timestamps`, {
    method: 'POST',
    headers: { 'content-type': 'application/timestamp-query', ...headers },
    body: Buffer.from(encodeTimestampRequest(TIMESTAMP, randomBytes(8))),
  })
  return outcomeOf(answer)
}

async function outcomeOf(answer: Response): Promise<unknown> {
  if (answer.headers.get('content-type') !== 'application/problem+json') return answer.status
  return ((await answer.json()) as { code: string }).code
}

async function stamps(
  server: TestServer,
  headers: readonly Record<string, string>[],
): Promise<unknown[]> {
  const outcomes: unknown[] = []
  for (const each of headers) outcomes.push(await stamp(server, each))
  return outcomes
}

test('bad tokens do not lock out a good one from the same address', async () => {
  const { server, folder } = await startScene()
  const keys = (authorization: string): Promise<unknown> =>
    fetch(`${server.address}/v1/keys`, { headers: { authorization } }).then(outcomeOf)
  const bad: unknown[] = []
  for (let count = 0; count < 40; count += 1) bad.push(await keys('Bearer made-up'))

  expect(bad.at(0)).toBe('ERR_NOT_AUTHENTICATED')
  expect(bad.at(-1)).toBe('ERR_THROTTLED')
  expect(await keys(folder.authorization)).toBe(200)
})

test('time stamps for clients without a permission can be switched off', async () => {
  const { server, folder, issuer } = await startScene({ anonymousTimestamps: 0 })
  const { authorization } = folder

  expect(await stamp(server)).toBe('ERR_NOT_AUTHENTICATED')
  expect(await stamp(server, { authorization: 'Bearer made-up' })).toBe('ERR_NOT_AUTHENTICATED')
  expect(await stamp(server, { authorization: `Bearer ${await issuer.mint()}` })).toBe(
    'ERR_NOT_ALLOWED',
  )
  expect(await stamp(server, { authorization })).toBe(200)
})

test('a network gets a quarter of the time stamps, and permitted callers use none of it', async () => {
  const { server, folder } = await startScene({
    anonymousTimestamps: 8,
    trustProxy: ['127.0.0.1'],
  })
  const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address })
  const { authorization } = folder

  expect(
    await stamps(server, [
      from('203.0.113.1'),
      from('203.0.113.2'),
      from('203.0.113.3'),
      from('2001:db8:1:1::1'),
      from('2001:db8:1:2::1'),
      from('2001:db8:1:3::1'),
      { ...from('203.0.113.3'), authorization },
    ]),
  ).toEqual([200, 200, 'ERR_THROTTLED', 200, 200, 'ERR_THROTTLED', 200])
})

test('all networks together have their own limit', async () => {
  const { server } = await startScene({ anonymousTimestamps: 4, trustProxy: ['127.0.0.1'] })
  const networks = [1, 2, 3, 4, 5].map((network) => ({ 'x-forwarded-for': `198.51.${network}.1` }))

  expect(await stamps(server, networks)).toEqual([200, 200, 200, 200, 'ERR_THROTTLED'])
})

/** More than the denials of one issuer that are written one by one in an hour. */
const ATTEMPTS = 1040
const WRITTEN = 1000

test('denials of one issuer are written up to a limit, then counted, and hide no others', async () => {
  const { server, folder, issuer } = await startScene()
  // One caller alone would be counted after the first.
  const mint = async (count: number): Promise<string> =>
    `Bearer ${await issuer.mint({ sub: `repo:evil/x:ref:refs/heads/${count}` })}`
  const deny = (by: string, key: string): Promise<unknown> =>
    fetch(`${server.address}/v1/keys/${key}/signatures`, {
      method: 'POST',
      headers: { authorization: by },
    }).then(outcomeOf)
  const outcomes = new Set<unknown>()
  for (let count = 0; count < ATTEMPTS; count += 40) {
    const batch = Array.from({ length: 40 }, async (_none, place) =>
      deny(await mint(count + place), 'release'),
    )
    for (const outcome of await Promise.all(batch)) outcomes.add(outcome)
  }
  expect(await deny(folder.authorization, 'unknown')).toBe('ERR_KEY_NOT_FOUND')
  await server[Symbol.asyncDispose]()

  expect([...outcomes]).toEqual(['ERR_NOT_ALLOWED'])
  const denials = (await readLog(folder)).filter(({ type }) => type === 'denial')
  const ofIssuer = denials.filter(({ caller }) => caller?.issuer === issuer.issuer)
  expect(ofIssuer.length).toBe(WRITTEN)
  expect(denials.slice(ofIssuer.length)).toMatchObject([
    { caller: { issuer: 'static' }, code: 'ERR_KEY_NOT_FOUND' },
    {
      caller: undefined,
      action: 'summary',
      resource: `${issuer.issuer} without permission`,
      code: 'ERR_NOT_ALLOWED',
      reason: `${ATTEMPTS - WRITTEN} more denials were not written one by one (ERR_NOT_ALLOWED: ${ATTEMPTS - WRITTEN})`,
    },
  ])
})

async function readLog({ folder }: ServiceFolder): Promise<readonly LogEntry[]> {
  await using store = await openStore(`sqlite:${join(folder, 'service.db')}`)
  const { size } = await store.log.head()
  return (await store.log.entries(0, size)).map(parseEntry)
}
