import type { FastifyInstance } from 'fastify'
import * as Type from 'typebox'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import type { ServiceContext } from '../../src/service/context.ts'
import { callerOf } from '../../src/service/http/request.ts'
import { strictObject } from '../../src/service/schemas/strict-object.ts'
import { CREDENTIALS, createService, SETTINGS } from '../support/service.ts'

const BODY = strictObject({
  digest: Type.String({ pattern: '^sha256:' }),
  kind: Type.Optional(Type.Enum(['image', 'file'])),
})

/** The app with one more route, as a room would add it. */
async function withRoute(
  handler: () => Promise<unknown>,
  parts: Partial<ServiceContext> = {},
): Promise<FastifyInstance> {
  const app = await createService(parts)
  app.post('/things', { schema: { body: BODY } }, handler)
  return app
}

const GOOD = { method: 'POST', url: '/things', headers: CREDENTIALS } as const
const done = (): Promise<object> => Promise.resolve({ done: true })

test('a route requires a caller by default', async () => {
  await using app = await withRoute(done)

  const answer = await app.inject({ ...GOOD, headers: {}, payload: { digest: 'sha256:1' } })

  expect(answer.statusCode).toBe(401)
  expect(answer.headers).toMatchObject({
    'cache-control': 'no-store',
    'content-type': 'application/problem+json',
    'www-authenticate': 'Bearer',
    'x-request-id': 'id-1',
  })
  expect(answer.json()).toEqual({
    type: 'urn:countersign:error:ERR_NOT_AUTHENTICATED',
    title: 'Not authenticated',
    status: 401,
    code: 'ERR_NOT_AUTHENTICATED',
    detail: 'there is no token',
    requestId: 'id-1',
    retryable: false,
  })
})

test('an authenticated caller reaches the route', async () => {
  const app = await createService()
  app.get('/me', async (request) => Promise.resolve({ subject: callerOf(request).subject }))

  const answer = await app.inject({ url: '/me', headers: CREDENTIALS })

  expect(answer.json()).toEqual({ subject: 'tester' })
  await app.close()
})

test.each([
  [{ digset: 'sha256:1' }, '', 'body: unknown member "digset"', 'did you mean "digest"?'],
  [{}, '', 'body: "digest" is missing', 'see /openapi.json for what the service takes'],
  [
    { digest: 'sha256:1', kind: 'imge' },
    '/kind',
    'body/kind: expected one of image, file',
    'see /openapi.json for what the service takes',
  ],
  [
    { digest: 7 },
    '/digest',
    'body/digest: must be string',
    'see /openapi.json for what the service takes',
  ],
])('the body %j is refused with the path of the mistake', async (payload, path, detail, hint) => {
  await using app = await withRoute(done)

  const answer = await app.inject({ ...GOOD, payload })

  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ code: 'ERR_REQUEST_INVALID', path, detail, hint })
})

const JSON_HEADERS = { ...CREDENTIALS, 'content-type': 'application/json' }

test.each([
  ['a member named twice', '{"digest":"sha256:1","digest":"sha256:2"}', 400, 'ERR_JSON_INVALID'],
  ['no JSON', '{', 400, 'ERR_JSON_INVALID'],
  ['a body over the bound', JSON.stringify('x'.repeat(70_000)), 413, 'ERR_INPUT_TOO_LARGE'],
  ['no body', undefined, 400, 'ERR_REQUEST_INVALID'],
])('%s is refused', async (_what, payload, status, code) => {
  await using app = await withRoute(done)

  const answer = await app.inject({ ...GOOD, headers: JSON_HEADERS, ...(payload && { payload }) })

  expect(answer.statusCode).toBe(status)
  expect(answer.json()).toMatchObject({ code, status })
})

test('another media type is refused with 415', async () => {
  await using app = await withRoute(done)

  const answer = await app.inject({
    ...GOOD,
    headers: { ...CREDENTIALS, 'content-type': 'text/plain' },
    payload: '{"digest":"sha256:1"}',
  })

  expect(answer.statusCode).toBe(415)
  expect(answer.json()).toMatchObject({ code: 'ERR_REQUEST_INVALID', status: 415 })
})

test('an unknown address is a problem of its own', async () => {
  await using app = await createService()

  const answer = await app.inject('/v2/keys')

  expect(answer.statusCode).toBe(404)
  expect(answer.json()).toMatchObject({ code: 'ERR_ROUTE_NOT_FOUND', retryable: false })
})

test('a path that does not decode is a problem document too', async () => {
  await using app = await createService()

  const answer = await app.inject('/v1/%c3%28')

  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ code: 'ERR_REQUEST_INVALID' })
})

test('an internal failure leaves no trace in the answer', async () => {
  await using app = await withRoute(() => Promise.reject(new Error('ENOENT /srv/keys/release.pem')))

  const answer = await app.inject({ ...GOOD, payload: { digest: 'sha256:1' } })

  expect(answer.statusCode).toBe(500)
  expect(answer.json()).toMatchObject({
    code: 'ERR_INTERNAL',
    detail: 'the service could not do this: internal',
    retryable: false,
  })
  expect(answer.body).not.toContain('release.pem')
})

test('an outage says when to try again', async () => {
  const outage = new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'hsm-7 is out of reach')
  await using app = await withRoute(() => Promise.reject(outage))

  const answer = await app.inject({ ...GOOD, payload: { digest: 'sha256:1' } })

  expect(answer.statusCode).toBe(503)
  expect(answer.headers['retry-after']).toBe('5')
  expect(answer.json()).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE', retryable: true })
  expect(answer.body).not.toContain('hsm-7')
})

test('an id that could break a log line is replaced', async () => {
  await using app = await createService()

  const answer = await app.inject({ url: '/healthz', headers: { 'x-request-id': 'a b' } })

  expect(answer.headers['x-request-id']).toBe('id-1')
})

test('a caller over its rate limit has to wait', async () => {
  const settings = { ...SETTINGS, requestsPerMinute: 1 }
  await using app = await withRoute(done, { settings })
  await app.inject({ ...GOOD, payload: { digest: 'sha256:1' } })

  const answer = await app.inject({ ...GOOD, payload: { digest: 'sha256:1' } })

  expect(answer.statusCode).toBe(429)
  expect(answer.json()).toMatchObject({ code: 'ERR_THROTTLED', retryable: true })
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
})

test('bad credentials of an address with many failures have to wait, and good ones are let in', async () => {
  const settings = { ...SETTINGS, failuresPerMinute: 2 }
  await using app = await withRoute(done, { settings })
  const unknown = { ...GOOD, headers: {}, payload: {} }
  const statuses: number[] = []
  for (let count = 0; count < 3; count += 1) statuses.push((await app.inject(unknown)).statusCode)

  const answer = await app.inject({ ...GOOD, payload: { digest: 'sha256:1' } })

  expect(statuses).toEqual([401, 401, 429])
  expect(answer.statusCode).toBe(200)
})

test('work that takes too long is left behind at the deadline', async () => {
  const settings = { ...SETTINGS, requestTimeoutMs: 20 }
  await using app = await withRoute(() => new Promise(() => undefined), { settings })

  const answer = await app.inject({ ...GOOD, payload: { digest: 'sha256:1' } })

  expect(answer.statusCode).toBe(504)
  expect(answer.json()).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
})

test('a request that does not fit into the queue is refused at once', async () => {
  const { promise, resolve } = Promise.withResolvers<object>()
  const settings = { ...SETTINGS, maxConcurrent: 1, maxQueue: 1 }
  await using app = await withRoute(() => promise, { settings })
  const request = { ...GOOD, payload: { digest: 'sha256:1' } }
  // An injection starts when it is awaited.
  const others = Promise.all([app.inject(request), app.inject(request)])

  const refused = await app.inject(request)
  resolve({ done: true })

  expect(refused.statusCode).toBe(503)
  expect(refused.headers['retry-after']).toBe('1')
  expect(refused.json()).toMatchObject({ code: 'ERR_OVERLOADED', retryable: true })
  expect((await others).map(({ statusCode }) => statusCode)).toEqual([200, 200])
})

test('a draining service finishes nothing new but still says that it lives', async () => {
  await using app = await withRoute(done)
  await app.ready()
  app.drain()

  const refused = await app.inject({ ...GOOD, payload: { digest: 'sha256:1' } })
  const alive = await app.inject('/livez')

  expect(refused.statusCode).toBe(503)
  expect(refused.headers.connection).toBe('close')
  expect(refused.json()).toMatchObject({ code: 'ERR_OVERLOADED' })
  expect(alive.statusCode).toBe(200)
})

test('the description of the API says which routes need a caller, and how they fail', async () => {
  await using app = await createService()

  const answer = await app.inject('/openapi.json')

  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(answer.json()).toMatchObject({
    openapi: '3.1.0',
    servers: [{ url: 'https://sign.example.com' }],
    paths: {
      '/livez': {
        get: {
          security: [],
          responses: { default: { content: { 'application/problem+json': {} } } },
        },
      },
    },
  })
})
