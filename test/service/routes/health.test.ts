import { expect, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import type { ReadinessCheck } from '../../../src/service/context.ts'
import { createService, CREDENTIALS, NOW, SETTINGS } from '../../support/service.ts'
import { serviceKey } from '../../support/service-keys.ts'

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

const HSM_FAULT = new CountersignError('ERR_PIN_WRONG', 'hsm-7.internal refused the PIN')

/** Checks of keys: those named sign, the others do not. */
function keyChecks(signing: Readonly<Record<string, boolean>>): readonly ReadinessCheck[] {
  return Object.entries(signing).map(([name, signs]) => ({
    name: `key ${name}`,
    key: serviceKey(name, 'artifact'),
    since: () => NOW,
    check: () => (signs ? Promise.resolve() : Promise.reject(HSM_FAULT)),
  }))
}

test('readyz reports only the code of a missing part', async () => {
  const failure = new CountersignError('ERR_LOG_UNAVAILABLE', 'db-7.internal is out of reach')
  await using app = await createService({
    readiness: () => [
      { name: 'store', check: () => Promise.resolve() },
      { name: 'log', check: () => Promise.reject(failure) },
    ],
  })

  const answer = await app.inject('/readyz')

  expect(answer.statusCode).toBe(503)
  expect(answer.json()).toEqual({
    ready: false,
    checks: [
      { name: 'store', ok: true },
      { name: 'log', ok: false, code: 'ERR_LOG_UNAVAILABLE' },
    ],
  })
})

test.each([
  ['any', { release: true, other: true }, 200],
  ['any', { release: true, other: false }, 200],
  ['any', { release: false, other: false }, 503],
  ['every', { release: true, other: false }, 503],
  ['every', { release: true, other: true }, 200],
] as const)('with %s, of the keys %j the service is %d', async (ready, signing, status) => {
  const settings = { ...SETTINGS, ready }
  await using app = await createService({ settings, readiness: () => keyChecks(signing) })

  expect((await app.inject('/readyz')).statusCode).toBe(status)
})

test.each(['any', 'every'] as const)(
  'with %s, keys that sign do not make up for the store',
  async (ready) => {
    const store = { name: 'store', check: () => Promise.reject(new Error('gone')) }
    const settings = { ...SETTINGS, ready }
    await using app = await createService({
      settings,
      readiness: () => [store, ...keyChecks({ release: true })],
    })

    expect((await app.inject('/readyz')).statusCode).toBe(503)
  },
)

test('why a key does not sign is for callers who may read that key', async () => {
  const readiness = (): readonly ReadinessCheck[] => keyChecks({ release: false, other: false })
  await using app = await createService({
    readiness,
    mayReadKey: (_caller, { name }) => name === 'release',
  })
  const told = {
    name: 'key release',
    ok: false,
    code: 'ERR_PIN_WRONG',
    reason: 'hsm-7.internal refused the PIN',
    since: NOW.toISOString(),
  }
  const hidden = (name: string): object => ({
    name: `key ${name}`,
    ok: false,
    code: 'ERR_PROVIDER_UNAVAILABLE',
  })

  const anonymous = await app.inject('/readyz')
  const reader = await app.inject({ url: '/readyz', headers: CREDENTIALS })
  const impostor = await app.inject({ url: '/readyz', headers: { authorization: 'Bearer no' } })

  expect(anonymous.json()).toMatchObject({ checks: [hidden('release'), hidden('other')] })
  expect(anonymous.body).not.toMatch(/hsm|PIN|since/)
  expect(reader.json()).toMatchObject({ checks: [told, hidden('other')] })
  expect(impostor.statusCode).toBe(401)
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
