/** The service behind a proxy that does as proxies do: it adds the address of its client to a header. */
import { request as forward } from 'node:http'
import { expect, test } from 'vitest'
import { startRawServer } from '../support/raw-server.ts'
import { runServer, serverFolder, type TestServer } from '../support/server.ts'

/** Failed logins a minute from one address, before it has to wait. */
const FAILURES = 30

const SAID =
  'requests come with x-forwarded-for from an address that serve.trustProxy does not name'

interface Scene {
  readonly server: TestServer
  /** A failed login through the proxy, by a client at an address; answers the status. */
  readonly fail: (address: string, claimed?: string) => Promise<number>
  readonly warnings: () => readonly string[]
}

async function start(trustProxy?: string): Promise<Scene> {
  const { env, ...folder } = serverFolder()
  const server = await runServer({
    ...folder,
    env: { ...env, ...(trustProxy !== undefined && { COUNTERSIGN_SERVE_TRUST_PROXY: trustProxy }) },
  })
  const proxy = await startProxy(server.address)
  const fail = async (address: string, claimed?: string): Promise<number> => {
    const headers = { authorization: 'Bearer wrong', 'x-test-client': address }
    const forged = claimed === undefined ? undefined : { 'x-forwarded-for': claimed }
    const answer = await fetch(new URL('/v1/keys', proxy), { headers: { ...headers, ...forged } })
    await answer.text()
    return answer.status
  }
  const warnings = (): readonly string[] => server.lines.filter((line) => line.includes(SAID))
  return { server, fail, warnings }
}

/** Clients are all on loopback, so each says where it is. */
function startProxy(target: string): Promise<URL> {
  return startRawServer((request, response) => {
    const { 'x-test-client': client, 'x-forwarded-for': before, ...headers } = request.headers
    const forwarded = [before, client].filter((address) => address !== undefined).join(', ')
    const url = new URL(request.url ?? '', target)
    const options = { headers: { ...headers, 'x-forwarded-for': forwarded } }
    forward(url, options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    }).end()
  })
}

const repeatedly = (fail: () => Promise<number>): Promise<readonly number[]> =>
  Promise.all(Array.from({ length: FAILURES }, fail))

test('failed logins are counted by the address that a trusted proxy forwards', async () => {
  const { fail, warnings } = await start('127.0.0.1')
  await repeatedly(() => fail('203.0.113.1'))

  expect(await fail('203.0.113.1')).toBe(429)
  expect(await fail('203.0.113.2')).toBe(401)
  expect(warnings()).toEqual([])
})

test('an address that a client makes up is not believed by a service behind its proxy', async () => {
  const { fail } = await start('127.0.0.0/8')
  let count = 0
  await repeatedly(() => fail('203.0.113.1', `198.51.100.${(count += 1)}`))

  expect(await fail('203.0.113.1', '198.51.100.200')).toBe(429)
})

test.each([
  ['no proxy is trusted', undefined],
  ['another one is', '10.0.0.0/8'],
])(
  'where %s all share one limit, and the log says so once, and what to set',
  async (_what, trust) => {
    const { fail, warnings } = await start(trust)
    await repeatedly(() => fail('203.0.113.1'))

    expect(await fail('203.0.113.2')).toBe(429)
    expect(warnings()).toHaveLength(1)
    expect(JSON.parse(warnings()[0] ?? '')).toMatchObject({
      level: 50,
      code: 'ERR_CONFIG_INVALID',
      peer: '127.0.0.1',
      hint: expect.stringContaining('set serve.trustProxy to its address or network') as string,
    })
  },
)

test('a service without a proxy reports nothing about proxies', async () => {
  const { server, warnings } = await start()

  expect((await fetch(`${server.address}/v1/keys`)).status).toBe(401)
  expect(warnings()).toEqual([])
})
