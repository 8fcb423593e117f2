import { createServer, get } from 'node:https'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { createBoundedGet } from '../../src/client/bounded-get.ts'
import { ProxyingAgent } from '../../src/client/proxied-connections.ts'
import { createFetch } from '../../src/client/proxied-fetch.ts'
import { readProxies } from '../../src/client/proxies.ts'
import { startForwardProxy } from '../support/forward-proxy.ts'
import { startLoopbackServer } from '../support/loopback-server.ts'
import { listen, startRawServer } from '../support/raw-server.ts'
import { createCertificate } from '../support/tls-server.ts'

async function startOrigin() {
  const origin = await startLoopbackServer(({ method, path, body }) => ({
    status: 200,
    body: JSON.stringify({ method, path, body: body.toString() }),
  }))
  return { ...origin, at: new URL(origin.url) }
}

/** A server for `idp.example.com`, whose certificate is for `localhost`, as the proxy reaches it. */
async function startSecureOrigin() {
  const { certificate, key } = createCertificate('idp.example.com')
  const server = createServer({ key, cert: certificate }, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}')
  })
  const port = await listen(server, '127.0.0.1')
  return { at: new URL(`https://127.0.0.1:${port}`), certificate }
}

test('without a variable the fetch is that of Node', () => {
  expect(createFetch({ NO_PROXY: 'example.com' })).toBe(globalThis.fetch)
})

test('plain http goes to the proxy with its whole address, method, headers and body', async () => {
  const origin = await startOrigin()
  const proxy = await startForwardProxy({ hosts: { 'tsa.example.com': origin.at } })
  const fetch = createFetch({ http_proxy: proxy.url.href })

  const answer = await fetch('http://tsa.example.com/tsr?a=1', {
    method: 'POST',
    headers: { 'content-type': 'application/timestamp-query' },
    body: 'query',
  })

  expect(await answer.json()).toEqual({ method: 'POST', path: '/tsr?a=1', body: 'query' })
  expect(proxy.requests).toEqual(['POST http://tsa.example.com/tsr?a=1'])
  expect(origin.requests[0]?.headers['content-type']).toBe('application/timestamp-query')
})

test('https goes through a tunnel, and a proxy that asks for a login gets it', async () => {
  const { at, certificate: ca } = await startSecureOrigin()
  const proxy = await startForwardProxy({ hosts: { 'idp.example.com': at }, login: 'me:p@ss' })
  const proxies = readProxies({ HTTPS_PROXY: `http://me:p%40ss@${proxy.url.host}` })

  const { body } = await createBoundedGet({ proxies, ca })({
    url: new URL('https://idp.example.com/jwks'),
  })

  expect(Buffer.from(body).toString()).toBe('{"keys":[]}')
  expect(proxy.requests).toEqual(['CONNECT idp.example.com:443'])
})

test('an agent finds for each host whether it is behind the proxy, and keeps a tunnel', async () => {
  const { at, certificate: ca } = await startSecureOrigin()
  const proxy = await startForwardProxy({ hosts: { 'idp.example.com': at } })
  const proxies = readProxies({ HTTPS_PROXY: proxy.url.href })
  const agent = new ProxyingAgent(proxies, { keepAlive: true })
  const read = (url: URL): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { agent, ca, servername: 'idp.example.com' }
      get(url, options, (answer) => {
        resolve(text(answer))
      }).on('error', reject)
    })

  const answers = [
    await read(new URL('https://idp.example.com/')),
    await read(new URL('https://idp.example.com/')),
    await read(at),
  ]

  expect(answers).toEqual(['{"keys":[]}', '{"keys":[]}', '{"keys":[]}'])
  expect(proxy.requests).toEqual(['CONNECT idp.example.com:443'])
  agent.destroy()
})

test('loopback and the hosts in NO_PROXY are reached directly', async () => {
  const origin = await startOrigin()
  const proxy = await startForwardProxy()
  const fetch = createFetch({ http_proxy: proxy.url.href, https_proxy: proxy.url.href })

  expect((await fetch(`${origin.url}/x`)).status).toBe(200)
  expect(proxy.requests).toEqual([])
})

test.each([
  [407, 'USER:PASSWORD'],
  [403, 'allow the host'],
  [502, 'check the address of the proxy'],
])('a proxy that answers %d is named, without its login, and what to do', async (refusal, hint) => {
  const proxy = await startForwardProxy({ refusal })
  const fetch = createFetch({ HTTPS_PROXY: `http://me:secret@${proxy.url.host}` })

  const error: unknown = await fetch('https://example.com').catch((thrown: unknown) => thrown)

  expect(error).toMatchObject({
    code: 'ERR_NETWORK',
    message: `the proxy http://${proxy.url.host} refuses to connect to example.com: status ${refusal}`,
    hint: expect.stringContaining(hint) as string,
  })
  expect(JSON.stringify([error, String(error)])).not.toContain('secret')
})

test('a proxy that refuses plain http for want of a login is named', async () => {
  const proxy = await startForwardProxy({ login: 'me:secret' })
  const fetch = createFetch({ HTTP_PROXY: proxy.url.href })

  await expect(fetch('http://example.com')).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining('status 407') as string,
  })
})

test('an unreachable proxy is named', async () => {
  const fetch = createFetch({ HTTPS_PROXY: 'http://me:secret@127.0.0.1:1' })

  await expect(fetch('https://example.com')).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: 'no answer from the proxy http://127.0.0.1:1 for example.com: ECONNREFUSED',
  })
})

test('a redirect is followed on request, and sends no login elsewhere', async () => {
  const other = await startOrigin()
  const first = await startRawServer((_, response) => {
    response.writeHead(302, { location: 'http://b.example.com/next' }).end()
  })
  const proxy = await startForwardProxy({
    hosts: { 'a.example.com': first, 'b.example.com': other.at },
  })
  const fetch = createFetch({ http_proxy: proxy.url.href })
  const headers = { authorization: 'Bearer x' }

  const followed = await fetch('http://a.example.com/', { headers })
  const manual = await fetch('http://a.example.com/', { headers, redirect: 'manual' })

  expect(await followed.json()).toMatchObject({ path: '/next' })
  expect(other.requests[0]?.headers.authorization).toBeUndefined()
  expect(manual.status).toBe(302)
})

test('an aborted request through a silent proxy ends with its reason', async () => {
  const proxy = await startForwardProxy({ hosts: {} })
  const fetch = createFetch({ http_proxy: proxy.url.href })
  const reason = new Error('enough')

  await expect(fetch('http://example.com', { signal: AbortSignal.abort(reason) })).rejects.toBe(
    reason,
  )
})

test.each(['https://10.0.0.1/jwks', 'https://169.254.169.254/', 'https://[fd00::1]/'])(
  'a private address is refused, proxy or not: %s',
  async (address) => {
    const proxy = await startForwardProxy()
    const proxies = readProxies({ HTTPS_PROXY: proxy.url.href })

    await expect(createBoundedGet({ proxies })({ url: new URL(address) })).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      message: expect.stringContaining('not a public one') as string,
    })
    expect(proxy.requests).toEqual([])
  },
)
