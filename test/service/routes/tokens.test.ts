import { createLocalJWKSet, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { serializePublicKeyJwk } from '../../../src/crypto/public-key.ts'
import { CountersignError } from '../../../src/errors.ts'
import { FREE_CLAIMS } from '../../../src/signing/claim-rules.ts'
import { CREDENTIALS, NOW, SETTINGS, startService } from '../../support/service.ts'
import { testSigner } from '../../support/signers.ts'

const SIGNER = testSigner('ES256', 'sessions')
const KEYS = [
  { name: 'sessions', use: 'token', signer: SIGNER },
  { name: 'release', use: 'artifact' },
] as const

function request(payload: object, key = 'sessions') {
  const url = `/v1/keys/${key}/tokens`
  return { method: 'POST', url, headers: CREDENTIALS, payload } as const
}

const ORDER = { audience: 'https://api.example.com', claims: { sub: 'job-7' } }

test('a token is logged before it is released, and any JOSE library verifies it', async () => {
  const { app, log } = await startService({ keys: KEYS })

  const answer = await app.inject(request({ ...ORDER, lifetimeSeconds: 60 }))

  expect(answer.statusCode).toBe(200)
  expect(answer.headers['cache-control']).toBe('no-store')
  const { token, ...facts } = answer.json<{ token: string; jti: string }>()
  expect(facts).toEqual({
    key: 'sessions',
    version: 1,
    kid: SIGNER.key.kid,
    jti: facts.jti,
    expires: '2026-11-22T10:01:00Z',
    logIndex: 0,
  })
  const { payload } = await jwtVerify(token, SIGNER.key.keyObject, {
    issuer: SETTINGS.issuer,
    audience: ORDER.audience,
    currentDate: NOW,
  })
  expect(payload).toMatchObject({ sub: 'job-7', jti: facts.jti })
  expect(await log()).toEqual([
    {
      type: 'token',
      time: NOW,
      requestId: expect.any(String) as string,
      caller: { issuer: 'static', subject: 'tester', claims: {} },
      key: { name: 'sessions', version: 1, kid: SIGNER.key.kid },
      jti: facts.jti,
      audience: [ORDER.audience],
      expires: new Date('2026-11-22T10:01:00Z'),
    },
  ])
})

test('a key whose algorithm is Ed25519 says so in tokens and key sets, for verifiers that know the name', async () => {
  const signer = testSigner('Ed25519', 'sessions')
  const key = { name: 'sessions', use: 'token', algorithm: 'Ed25519', signer } as const
  const { app } = await startService({ keys: [key] })

  const { token } = (await app.inject(request(ORDER))).json<{ token: string }>()

  const keys = createLocalJWKSet({ keys: [{ ...serializePublicKeyJwk(signer.key) }] })
  const { protectedHeader } = await jwtVerify(token, keys, { currentDate: NOW })
  expect(protectedHeader).toMatchObject({ alg: 'Ed25519', kid: signer.key.kid })
})

test('the log has no part of a token', async () => {
  const { app, store } = await startService({ keys: KEYS })

  const { token } = (await app.inject(request(ORDER))).json<{ token: string }>()

  const stored = (await store.log.entries(0, 9)).map((entry) => Buffer.from(entry).toString())
  for (const part of token.split('.')) expect(stored.join('')).not.toContain(part)
  expect(stored.join('')).not.toContain('job-7')
})

test('the same request again gets another token, whatever its Idempotency-Key', async () => {
  const { app, log } = await startService({ keys: KEYS })
  const again = { ...request(ORDER), headers: { ...CREDENTIALS, 'idempotency-key': 'k' } }

  const [one, two] = [await app.inject(again), await app.inject(again)]

  expect(one.json<{ jti: string }>().jti).not.toBe(two.json<{ jti: string }>().jti)
  expect(await log()).toHaveLength(2)
})

test('the default lifetime is ten minutes', async () => {
  const { app } = await startService({ keys: KEYS })

  const answer = await app.inject(request({ audience: ['a', 'b'] }))

  expect(answer.json()).toMatchObject({ expires: '2026-11-22T10:10:00Z' })
})

test.each([
  ['no audience', { claims: {} }, 400, 'ERR_REQUEST_INVALID'],
  ['an empty audience', { audience: [] }, 400, 'ERR_REQUEST_INVALID'],
  ['a misspelled member', { ...ORDER, lifetime: 60 }, 400, 'ERR_REQUEST_INVALID'],
  ['half a second', { ...ORDER, lifetimeSeconds: 0.5 }, 400, 'ERR_REQUEST_INVALID'],
  ['claims that are a list', { ...ORDER, claims: [] }, 400, 'ERR_REQUEST_INVALID'],
  [
    'a lifetime over the longest',
    { ...ORDER, lifetimeSeconds: 3601 },
    422,
    'ERR_CLAIMS_NOT_ALLOWED',
  ],
  ['its own issuer', { audience: 'a', claims: { iss: 'x' } }, 422, 'ERR_CLAIMS_NOT_ALLOWED'],
])('%s is refused, and nothing is issued', async (_what, order, status, code) => {
  const { app, log } = await startService({ keys: KEYS })

  const answer = await app.inject(request(order))

  expect(answer.statusCode).toBe(status)
  expect(answer.json()).toMatchObject({ code })
  expect((await log()).map(({ type }) => type)).not.toContain('token')
})

test('the claim rules of the key hold, and a refusal is logged', async () => {
  const claims = { ...FREE_CLAIMS, forced: { tenant: 'acme' }, allowed: ['sub'] }
  const parts = { tokenRulesOf: () => ({ type: 'at+jwt', claims }) }
  const { app, log } = await startService({ keys: KEYS, parts })

  const good = await app.inject(request(ORDER))
  const bad = await app.inject(request({ ...ORDER, claims: { role: 'admin' } }))

  const { token } = good.json<{ token: string }>()
  const { payload, protectedHeader } = await jwtVerify(token, SIGNER.key.keyObject, {
    currentDate: NOW,
  })
  expect([payload['tenant'], protectedHeader.typ]).toEqual(['acme', 'at+jwt'])
  expect(bad.json()).toMatchObject({ code: 'ERR_CLAIMS_NOT_ALLOWED' })
  expect(await log()).toMatchObject([
    { type: 'token' },
    { type: 'denial', action: 'issueToken', resource: 'sessions', code: 'ERR_CLAIMS_NOT_ALLOWED' },
  ])
})

test('a policy over audience, lifetime and claims decides', async () => {
  const policies = `permit (principal, action == Action::"issueToken", resource)
    when { context.audience == "https://api.example.com" && context.lifetimeSeconds <= 60 };`
  const { app } = await startService({ keys: KEYS, policies })
  const statusOf = async (order: object): Promise<number> =>
    (await app.inject(request(order))).statusCode

  expect(await statusOf({ ...ORDER, lifetimeSeconds: 60 })).toBe(200)
  expect(await statusOf({ ...ORDER, lifetimeSeconds: 61 })).toBe(403)
  expect(await statusOf({ ...ORDER, audience: 'https://other', lifetimeSeconds: 60 })).toBe(403)
})

test('a key of another use issues no token, and an unknown one is not found', async () => {
  const { app } = await startService({ keys: KEYS })

  expect((await app.inject(request(ORDER, 'release'))).json()).toMatchObject({
    code: 'ERR_KEY_NOT_USABLE',
  })
  expect((await app.inject(request(ORDER, 'missing'))).statusCode).toBe(404)
})

test('no token is issued without a log entry', async () => {
  const broken = {
    append: () => Promise.reject(new CountersignError('ERR_LOG_UNAVAILABLE', 'the log is away')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  const { app } = await startService({ keys: KEYS, parts: { appender: broken } })

  const answer = await app.inject(request(ORDER))

  expect(answer.statusCode).toBe(503)
  expect(answer.body).not.toContain('eyJ')
})
