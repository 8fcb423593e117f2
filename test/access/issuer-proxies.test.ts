import { expect, test } from 'vitest'
import { createAuthenticator } from '../../src/access/authenticate.ts'
import { readProxies } from '../../src/client/proxies.ts'
import { startForwardProxy } from '../support/forward-proxy.ts'

const ISSUER = 'https://idp.invalid'
const encode = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url')
const TOKEN = [
  encode({ alg: 'RS256', kid: 'key' }),
  encode({ iss: ISSUER, aud: 'https://sign.example.com', sub: 'ci' }),
  Buffer.alloc(256, 1).toString('base64url'),
].join('.')

/** Asks for the keys of an issuer in a network with a proxy that refuses. */
async function authenticate(useProxy: boolean | undefined, noProxy = '') {
  const proxy = await startForwardProxy({ refusal: 403 })
  const authenticator = createAuthenticator({
    issuers: [{ issuer: ISSUER, audience: 'https://sign.example.com', useProxy }],
    proxies: readProxies({ HTTPS_PROXY: proxy.url.href, NO_PROXY: noProxy }),
    now: () => new Date('2026-11-22T10:00:00Z'),
  })
  const refusal: unknown = await authenticator
    .authenticate(`Bearer ${TOKEN}`)
    .catch((error: unknown) => error)
  return { refusal, requests: proxy.requests }
}

test('keys of an issuer are fetched through the proxy, whose refusal is an outage', async () => {
  const { refusal, requests } = await authenticate(undefined)

  expect(requests).toEqual(['CONNECT idp.invalid:443'])
  expect(refusal).toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining('the proxy http://127.0.0.1') as string,
  })
})

test.each([
  ['an issuer with useProxy: false', false, ''],
  ['an issuer that NO_PROXY names', true, 'idp.invalid'],
])('%s is asked directly', async (_, useProxy, noProxy) => {
  const { refusal, requests } = await authenticate(useProxy, noProxy)

  expect(requests).toEqual([])
  expect(refusal).toMatchObject({ code: 'ERR_NETWORK' })
})
