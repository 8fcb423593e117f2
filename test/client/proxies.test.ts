import fc from 'fast-check'
import { expect, test } from 'vitest'
import { displayProxy, namesProxy, readProxies } from '../../src/client/proxies.ts'

const PROXY = 'http://proxy.example.com:3128'

function isProxied(url: string, noProxy: string): boolean {
  const env = { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY, NO_PROXY: noProxy }
  return readProxies(env).proxyFor(new URL(url)) !== undefined
}

test.each([
  [
    'https_proxy goes before HTTPS_PROXY',
    { https_proxy: 'http://a', HTTPS_PROXY: 'http://b' },
    'a',
  ],
  ['an empty https_proxy is ignored', { https_proxy: '', HTTPS_PROXY: 'http://b' }, 'b'],
  ['an address without a scheme is one of http', { HTTPS_PROXY: 'c:3128' }, 'c:3128'],
  ['blanks around it do not count', { HTTPS_PROXY: ' http://d \n' }, 'd'],
])('%s', (_, env, host) => {
  expect(readProxies(env).proxyFor(new URL('https://example.com'))?.host).toBe(host)
})

test('https goes through HTTPS_PROXY alone, plain http through HTTP_PROXY alone', () => {
  const https = readProxies({ HTTPS_PROXY: PROXY })
  const http = readProxies({ HTTP_PROXY: PROXY })

  expect(https.proxyFor(new URL('http://example.com'))).toBeUndefined()
  expect(http.proxyFor(new URL('https://example.com'))).toBeUndefined()
  expect(https.proxyFor(new URL('https://example.com'))?.href).toBe(`${PROXY}/`)
  expect(http.proxyFor(new URL('http://example.com'))?.href).toBe(`${PROXY}/`)
})

test.each([
  ['example.com', 'https://example.com'],
  ['example.com', 'https://a.b.example.com'],
  ['EXAMPLE.com', 'https://example.COM'],
  ['example.com.', 'https://example.com'],
  ['example.com', 'https://example.com.'],
  ['.example.com', 'https://a.example.com'],
  ['.example.com', 'https://example.com'],
  ['*.example.com', 'https://a.example.com'],
  ['other.test, example.com', 'https://example.com'],
  ['other.test example.com', 'https://example.com'],
  ['example.com:443', 'https://a.example.com'],
  ['example.com:8443', 'https://example.com:8443'],
  ['192.0.2.1', 'https://192.0.2.1'],
  ['192.0.2.1:8443', 'https://192.0.2.1:8443'],
  ['10.0.0.0/8', 'https://10.200.3.4'],
  ['fd00::/8', 'https://[fd12::1]'],
  ['2001:db8::1', 'https://[2001:db8::1]:8443'],
  ['[2001:db8::1]:8443', 'https://[2001:db8::1]:8443'],
  ['*', 'https://example.com'],
])('NO_PROXY=%s reaches %s directly', (noProxy, url) => {
  expect(isProxied(url, noProxy)).toBe(false)
})

test.each([
  ['example.com', 'https://badexample.com'],
  ['example.com', 'https://example.com.evil.test'],
  ['example.com:8443', 'https://example.com'],
  ['192.0.2.1', 'https://192.0.2.10'],
  ['192.0.2.1:8443', 'https://192.0.2.1'],
  ['10.0.0.0/8', 'https://11.0.0.1'],
  ['10.0.0.0/8', 'https://10.0.0.1.example.com'],
  ['fd00::/8', 'https://[fe00::1]'],
  ['[2001:db8::1]:8443', 'https://[2001:db8::1]'],
  ['10.0.0.0/99x', 'https://example.com'],
  [', ,', 'https://example.com'],
  ['', 'https://example.com'],
])('NO_PROXY=%s reaches %s through the proxy', (noProxy, url) => {
  expect(isProxied(url, noProxy)).toBe(true)
})

test.each([
  'http://localhost:8080',
  'https://a.localhost',
  'http://127.0.0.1',
  'https://127.9.9.9',
  'https://[::1]',
  'https://[::ffff:127.0.0.1]',
])('%s is never reached through a proxy', (url) => {
  expect(isProxied(url, '')).toBe(false)
})

test.each([
  'socks5://user:secret@proxy:1080',
  'http://user:secret%zz@proxy',
  'http://',
  '://user:secret@',
])('a proxy that cannot be used is refused by its variable, never with its value (%s)', (value) => {
  const proxies = readProxies({ HTTPS_PROXY: value })

  const refused = (): unknown => proxies.proxyFor(new URL('https://example.com'))

  expect(refused).toThrow(
    expect.objectContaining({
      code: 'ERR_CONFIG_INVALID',
      message: 'HTTPS_PROXY is not the address of an http proxy',
    }),
  )
  expect(refused).not.toThrow('secret')
})

test('a proxy is shown without its login', () => {
  expect(displayProxy(new URL('http://user:secret@proxy:3128'))).toBe('http://proxy:3128')
})

test('no variable of proxies names one', () => {
  expect(namesProxy({ HTTPS_PROXY: ' ', NO_PROXY: 'x' })).toBe(false)
  expect(namesProxy({ http_proxy: PROXY })).toBe(true)
})

test('no list of exceptions fails, and a host of it is reached directly', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.domain(), (others, domain) => {
      const list = [...others, domain].join(',')
      expect(isProxied(`https://${domain}`, list)).toBe(false)
    }),
  )
})
