import { expect, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import { createService, SETTINGS } from '../../support/service.ts'

test.each(['/livez', '/healthz'])(
  '%s answers every client, and lets a browser do nothing',
  async (url) => {
    // Any part of the service that it touched would throw.
    await using app = await createService()

    const answer = await app.inject({ url, headers: { 'x-request-id': 'probe-7' } })

    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ ok: true })
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'content-type': 'application/json; charset=utf-8',
      'strict-transport-security': 'max-age=31536000',
      'x-content-type-options': 'nosniff',
      'x-request-id': 'probe-7',
    })
  },
)

test('readyz says yes while every check passes', async () => {
  await using app = await createService({
    readiness: () => [{ name: 'store', check: () => Promise.resolve() }],
  })

  const answer = await app.inject('/readyz')

  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toEqual({ ready: true, checks: [{ name: 'store', ok: true }] })
})

test('readyz reports only the code of a missing part', async () => {
  const failure = new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'hsm-7.internal is out of reach')
  await using app = await createService({
    readiness: () => [
      { name: 'store', check: () => Promise.resolve() },
      { name: 'key release', check: () => Promise.reject(failure) },
    ],
  })

  const answer = await app.inject('/readyz')

  expect(answer.statusCode).toBe(503)
  expect(answer.json()).toEqual({
    ready: false,
    checks: [
      { name: 'store', ok: true },
      { name: 'key release', ok: false, code: 'ERR_PROVIDER_UNAVAILABLE' },
    ],
  })
})

test('a check that never ends is not ready at the deadline', async () => {
  const settings = { ...SETTINGS, requestTimeoutMs: 20 }
  await using app = await createService({
    settings,
    readiness: () => [{ name: 'store', check: () => new Promise(() => undefined) }],
  })

  const answer = await app.inject('/readyz')

  expect([503, 504]).toContain(answer.statusCode)
  expect(answer.body).toContain('ERR_TIMEOUT')
})

test('concurrent requests share one check of each part', async () => {
  let looks = 0
  const answers = Promise.withResolvers<undefined>()
  await using app = await createService({
    readiness: () => {
      looks += 1
      return [{ name: 'store', check: () => answers.promise }]
    },
  })
  const asked = Promise.all([app.inject('/readyz'), app.inject('/readyz'), app.inject('/readyz')])
  answers.resolve(undefined)

  const statuses = (await asked).map(({ statusCode }) => statusCode)
  const looksTogether = looks
  await app.inject('/readyz')

  expect([statuses, looksTogether, looks]).toEqual([[200, 200, 200], 1, 2])
})

test('readyz says no while the service drains, though all is well', async () => {
  await using app = await createService()
  await app.ready()
  app.drain()

  const answer = await app.inject('/readyz')

  expect(answer.statusCode).toBe(503)
  expect(answer.json()).toEqual({ ready: false, checks: [] })
})
