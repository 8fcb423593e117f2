import { expect, test } from 'vitest'
import { createService, CREDENTIALS, serviceRoutes } from '../support/service.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND'] as const

/** An address of each route, with the methods that it has. */
async function addresses(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, Set<string>>()
  for (const { url, method } of await serviceRoutes()) {
    const address = url.replace(/:\w+/g, 'some-name').replace('*', '0/000')
    const methods = found.get(address) ?? new Set(['OPTIONS'])
    for (const one of [method].flat()) methods.add(one)
    found.set(address, methods)
  }
  return found
}

test('a known address refuses every method that it does not have, and says which it has', async () => {
  await using app = await createService()
  let refused = 0
  for (const [url, methods] of await addresses()) {
    for (const method of METHODS.filter((one) => !methods.has(one))) {
      const answer = await app.inject({ method: method as 'GET', url, headers: CREDENTIALS })
      expect([method, url, answer.statusCode]).toEqual([method, url, 405])
      expect(answer.headers.allow).toBe([...methods].toSorted().join(', '))
      refused += 1
      if (method === 'HEAD') continue
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.json()).toMatchObject({
        status: 405,
        code: 'ERR_ROUTE_NOT_FOUND',
        retryable: false,
      })
    }
  }
  expect(refused).toBeGreaterThan(100)
})

test('every readable address answers HEAD', async () => {
  for (const methods of (await addresses()).values()) {
    expect(methods.has('HEAD')).toBe(methods.has('GET'))
  }
})

test('OPTIONS says which methods an address has, and needs no caller', async () => {
  await using app = await createService()
  for (const [url, methods] of await addresses()) {
    const answer = await app.inject({ method: 'OPTIONS', url: `${url}?a=b` })
    expect([answer.statusCode, answer.body]).toEqual([204, ''])
    expect(answer.headers.allow).toBe([...methods].toSorted().join(', '))
  }
})

test('OPTIONS with a large body is answered at once, and the rest is not read', async () => {
  await using app = await createService()
  const payload = 'x'.repeat(200_000)

  const large = await app.inject({ method: 'OPTIONS', url: '/v1/keys', payload })
  const small = await app.inject({ method: 'OPTIONS', url: '/v1/keys', payload: 'x' })

  expect([large.statusCode, large.headers.connection]).toEqual([204, 'close'])
  expect([small.statusCode, small.headers.connection]).toEqual([204, 'keep-alive'])
})

test.each(['/v2/keys', '/v1/keysx', '/v1/keys/a/b/c', '/healthzz', '/xwell-known/jwks.json', '*'])(
  'at %s there is nothing, with any method',
  async (url) => {
    await using app = await createService()
    for (const method of ['PUT', 'POST', 'OPTIONS', 'PROPFIND']) {
      const answer = await app.inject({ method: method as 'GET', url })
      expect(answer.statusCode).toBe(404)
      expect(answer.headers.allow).toBeUndefined()
      expect(answer.json()).toMatchObject({ code: 'ERR_ROUTE_NOT_FOUND' })
    }
  },
)

test('a method that an address lacks is refused whatever its body is', async () => {
  await using app = await createService()
  for (const [type, payload] of [
    ['text/plain', 'x'],
    ['application/json', '{'],
    ['application/json', JSON.stringify('x'.repeat(70_000))],
  ] as const) {
    const headers = { ...CREDENTIALS, 'content-type': type }
    const answer = await app.inject({ method: 'PUT', url: '/v1/keys', headers, payload })
    expect(answer.statusCode).toBe(405)
  }
})
