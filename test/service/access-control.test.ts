/** Who gets where: every route of the service, none left out. */
import type { InjectOptions } from 'fastify'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { CountersignError } from '../../src/errors.ts'
import type { Problem } from '../../src/service/http/problem.ts'
import { CREDENTIALS, serviceRoutes, SETTINGS, startService } from '../support/service.ts'

/** The routes open without authentication; all others need a caller. */
const PUBLIC: readonly string[] = [
  '/.well-known/jwks.json',
  '/.well-known/openid-configuration',
  '/healthz',
  '/keys/:file',
  '/livez',
  '/log/checkpoint',
  '/log/entries',
  '/log/tile/*',
  '/log/witnessed-checkpoint',
  '/openapi.json',
  '/readyz',
  '/trust/keys.json',
  '/trust/trusted-root.json',
  '/v1/timestamps',
]

/** What every caller may do, whatever the policies say: neither touches a key or shows one. */
const WITHOUT_POLICY: readonly string[] = ['POST /v1/approvals/:id', 'POST /v1/verifications']

const DIGEST = digestOf(Buffer.from('an artifact'))

/** A good body for each route that takes one. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /v1/keys': { key: 'release' },
  'POST /v1/keys/:key/signatures': { artifacts: [{ digest: DIGEST, kind: 'file' }] },
  'POST /v1/keys/:key/batches': { artifacts: [{ digest: DIGEST, kind: 'file' }] },
  'POST /v1/keys/:key/attestations': {
    subjects: [{ digest: DIGEST }],
    predicateType: 'https://example.com/t',
    predicate: {},
  },
  'POST /v1/keys/:key/tokens': { audience: 'https://api.example.com' },
  'POST /v1/keys/:key/import': { uri: 'file:keys/other.pem' },
  'POST /v1/keys/:key/relocate': { version: 1, uri: 'file:keys/other.pem' },
  'POST /v1/keys/:key/rotate': {},
  'POST /v1/keys/:key/activate': { version: 1 },
  'POST /v1/keys/:key/retire': { version: 1 },
  'POST /v1/keys/:key/revoke': { version: 1, mode: 'seamless' },
  'POST /v1/keys/:key/destroy': { version: 1 },
}

interface Place {
  readonly actions: readonly string[] | undefined
  readonly title: string
  readonly url: string
  readonly method: 'GET' | 'POST'
}

const METHODS = ['GET', 'POST'] as const
const places = (await serviceRoutes()).flatMap(({ url, method: methods, config }): Place[] =>
  METHODS.filter((method) => [methods].flat().includes(method)).map((method) => {
    return { title: `${method} ${url}`, url, method, actions: config?.actions }
  }),
)
const closed = places.filter(({ url }) => !PUBLIC.includes(url))
const judged = closed.filter(
  ({ title }) => !WITHOUT_POLICY.includes(title) && title !== 'GET /v1/approvals',
)

function request({ title, url, method }: Place): InjectOptions {
  const payload = BODIES[title]
  const path = url.replace(':key', 'release').replace(':id', 'one')
  return { method, url: path, ...(payload && { payload }) }
}

test('the routes open without authentication are exactly this short list', () => {
  const open = places.filter(({ url }) => PUBLIC.includes(url)).map(({ url }) => url)

  expect(open.toSorted()).toEqual(PUBLIC)
  expect(closed.length).toBeGreaterThan(14)
})

test('every route with a body and a policy is decided coarsely before the body is read', () => {
  const unread = closed.filter(({ method, actions }) => method === 'POST' && actions === undefined)

  expect(unread.map(({ title }) => title)).toEqual(['POST /v1/verifications'])
})

/** Sends a request to every route, and returns the answers. */
async function survey<T>(
  asked: readonly Place[],
  see: (place: Place) => Promise<T>,
): Promise<Readonly<Record<string, T>>> {
  const seen: Record<string, T> = {}
  for (const place of asked) seen[place.title] = await see(place)
  return seen
}

function allOf<T>(asked: readonly Place[], value: T): Readonly<Record<string, T>> {
  return Object.fromEntries(asked.map(({ title }) => [title, value]))
}

test('every other route refuses an unauthenticated client before it reads the body', async () => {
  const { app } = await startService()
  const headers = { 'content-type': 'application/json' }

  const seen = await survey(closed, async (place) => {
    const answer = await app.inject({ ...request(place), headers, payload: '{' })
    return [answer.statusCode, answer.json<Problem>().code, answer.headers['cache-control']]
  })

  expect(seen).toEqual(allOf(closed, [401, 'ERR_NOT_AUTHENTICATED', 'no-store']))
})

test('every route that touches a key asks the policies, and none allow nothing', async () => {
  const { app, log } = await startService({ policies: '' })

  const seen = await survey(judged, async (place) => {
    const answer = await app.inject({ ...request(place), headers: CREDENTIALS })
    return [answer.statusCode, answer.json<Problem>().code]
  })

  expect(seen).toEqual(allOf(judged, [403, 'ERR_NOT_ALLOWED']))
  const entries = await log()
  const denied = entries.map((entry) =>
    entry.type === 'denial' ? `${entry.action} ${entry.resource}` : entry.type,
  )
  // Once for each action and key, though several routes need the same.
  expect(denied.toSorted()).toEqual([...new Set(denied)].toSorted())
  expect(denied).toEqual(
    expect.arrayContaining(['sign release', 'attest release', 'readKeys release']),
  )
})

test('an answer is for its caller only: not for caches, not for other sites', async () => {
  const { app } = await startService({ keys: [{ name: 'release', use: 'token' }] })
  const headers = { ...CREDENTIALS, origin: 'https://evil.example' }

  const seen = await survey(closed, async (place) => {
    const answer = await app.inject({ ...request(place), headers })
    return [answer.headers['cache-control'], answer.headers['access-control-allow-origin']]
  })

  expect(seen).toEqual(allOf(closed, ['no-store', undefined]))
})

test.each(['application/timestamp-query', 'text/plain', 'multipart/form-data', 'x'])(
  'no route for callers takes %s, not even without a body',
  async (type) => {
    const { app } = await startService()
    const posts = closed.filter(({ method }) => method === 'POST')
    const headers = { ...CREDENTIALS, 'content-type': type }

    const seen = await survey(posts, async (place) => {
      const empty = await app.inject({ ...request(place), headers, payload: '' })
      const full = await app.inject({ ...request(place), headers, payload: '{}' })
      return [empty.statusCode, full.statusCode]
    })

    expect(seen).toEqual(allOf(posts, [415, 415]))
  },
)

test('a caller over its limit waits outside the queue', async () => {
  const settings = { ...SETTINGS, requestsPerMinute: 1, maxConcurrent: 1, maxQueue: 0 }
  const { app } = await startService({ parts: { settings } })
  const [started, work] = [Promise.withResolvers<undefined>(), Promise.withResolvers<object>()]
  app.get('/work', () => {
    started.resolve(undefined)
    return work.promise
  })
  const first = app.inject({ url: '/work', headers: CREDENTIALS }).then((answer) => answer)
  await started.promise

  const second = await app.inject({ url: '/work', headers: CREDENTIALS })
  work.resolve({})

  expect(second.json()).toMatchObject({ code: 'ERR_THROTTLED' })
  expect((await first).statusCode).toBe(200)
})

test('addresses of one IPv6 network are one address to the limits', async () => {
  const settings = { ...SETTINGS, failuresPerMinute: 1 }
  const { app } = await startService({ parts: { settings } })
  const statusFrom = async (remoteAddress: string): Promise<number> =>
    (await app.inject({ url: '/v1/keys', remoteAddress })).statusCode

  expect(await statusFrom('2001:db8:0:1::1')).toBe(401)
  expect(await statusFrom('2001:db8:0:1:ffff::2')).toBe(429)
  expect(await statusFrom('2001:db8:0:2::1')).toBe(401)
})

test('unauthenticated time-stamp requests keep no caller waiting', async () => {
  const settings = { ...SETTINGS, maxConcurrent: 1, maxQueue: 0 }
  const [started, end] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
  const active = async (): Promise<never> => {
    started.resolve(undefined)
    await end.promise
    throw new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'the device is away')
  }
  const { app } = await startService({ parts: { settings, timestampAuthority: { active } } })
  const headers = { 'content-type': 'application/timestamp-query' }
  const query = { method: 'POST', url: '/v1/timestamps', headers, payload: 'x' } as const
  const first = app.inject(query).then((answer) => answer)
  await started.promise

  const second = await app.inject(query)
  const caller = await app.inject({ url: '/v1/keys', headers: CREDENTIALS })
  end.resolve(undefined)

  expect(second.json()).toMatchObject({ code: 'ERR_OVERLOADED' })
  expect(caller.statusCode).toBe(200)
  expect((await first).json()).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE' })
})
