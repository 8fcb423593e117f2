import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/formats/json.ts'
import { parseJwt } from '../../src/formats/jwt.ts'
import { FREE_CLAIMS } from '../../src/signing/claim-rules.ts'
import { issueToken } from '../../src/signing/issue-token.ts'
import { codeOfAsync } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'
import { AUDIENCE, ISSUED_AT, ISSUER, issueTestToken, REQUEST, RULES } from '../support/tokens.ts'

const CONTEXT = { issuer: ISSUER, now: new Date('2026-11-22T10:00:00.900Z'), jti: 'jti-1' }

test('a token names its key, its type and everything a verifier checks', async () => {
  const signer = testSigner()
  const { header, claims } = parseJwt(
    await issueTestToken(signer, { claims: { sub: 'job-7', roles: ['reader'] } }),
  )

  const iat = ISSUED_AT.getTime() / 1000
  expect(header.json).toEqual({ alg: 'ES256', kid: signer.key.kid, typ: 'JWT' })
  expect(claims.json).toEqual({
    sub: 'job-7',
    roles: ['reader'],
    iss: ISSUER,
    aud: AUDIENCE,
    iat,
    nbf: iat,
    exp: iat + 600,
    jti: 'jti-1',
  })
})

test('what the log may say comes with the token, in whole seconds', async () => {
  const { token, ...facts } = await issueToken(testSigner(), REQUEST, RULES, CONTEXT)

  expect(facts).toEqual({
    kid: testSigner().key.kid,
    jti: 'jti-1',
    audience: [AUDIENCE],
    issuedAt: ISSUED_AT,
    expires: new Date('2026-11-22T10:10:00Z'),
  })
  expect(parseJwt(token).claims.expires).toEqual(facts.expires)
})

test('the key decides the type', async () => {
  const { header } = parseJwt(await issueTestToken(testSigner(), {}, { type: 'at+jwt' }))

  expect(header.typ).toBe('at+jwt')
})

test('several audiences stay a list', async () => {
  const { claims } = parseJwt(await issueTestToken(testSigner(), { audience: ['a', 'b'] }))

  expect(claims.json['aud']).toEqual(['a', 'b'])
})

test.each([
  ['no audience', { audience: [] }, 'aud'],
  ['an empty audience', { audience: ['a', ''] }, 'aud'],
  ['too many audiences', { audience: Array.from({ length: 21 }, String) }, 'aud'],
  ['a book of an audience', { audience: 'a'.repeat(1001) }, 'aud'],
  ['no lifetime', { lifetimeSeconds: 0 }, 'exp'],
  ['half a second', { lifetimeSeconds: 0.5 }, 'exp'],
  ['a lifetime that is not a number', { lifetimeSeconds: NaN }, 'exp'],
  ['a second over the limit', { lifetimeSeconds: 3601 }, 'exp'],
  ...['iss', 'aud', 'exp', 'iat', 'nbf', 'jti'].map(
    (claim) => [`its own ${claim}`, { claims: { [claim]: 'SECRET' } }, claim] as const,
  ),
  ['a subject that is not a string', { claims: { sub: 7 } }, 'sub'],
  ['an empty subject', { claims: { sub: '' } }, 'sub'],
  ['a number that would be rounded', { claims: { n: [{ m: 2 ** 53 }] } }, 'n'],
  ['a number that is not finite', { claims: { n: NaN } }, 'n'],
  ['half a surrogate pair', { claims: { t: '\ud800' } }, 't'],
] as const)('a request for %s is refused', async (_, request, claim) => {
  const issued = issueTestToken(testSigner(), request)

  await expect(issued).rejects.toMatchObject({
    code: 'ERR_CLAIMS_NOT_ALLOWED',
    details: { claim },
    message: expect.not.stringContaining('SECRET') as unknown,
  })
})

test('an error about an excessive lifetime states the limit', async () => {
  await expect(
    issueTestToken(testSigner(), { lifetimeSeconds: 7200 }, { maxLifetimeSeconds: 900 }),
  ).rejects.toMatchObject({
    message: 'the claim "exp" is too far off: tokens of this key live 900 s at most, not 7200 s',
    details: { maxLifetimeSeconds: 900 },
  })
})

test('claims as deep as a verifier reads are signed, deeper ones are not', async () => {
  const nested = (depth: number): JsonObject => (depth === 1 ? {} : { deeper: nested(depth - 1) })
  const issue = (depth: number): Promise<unknown> =>
    issueTestToken(testSigner(), { claims: nested(depth) }).then(parseJwt)

  expect(await codeOfAsync(() => issue(16))).toBe('accepted')
  expect(await codeOfAsync(() => issue(17))).toBe('ERR_CLAIMS_NOT_ALLOWED')
})

test('claims of over 32 KiB are not signed', async () => {
  const claims = { text: 'a'.repeat(33_000) }

  expect(await codeOfAsync(() => issueTestToken(testSigner(), { claims }))).toBe(
    'ERR_INPUT_TOO_LARGE',
  )
})

test('a token is the signer’s to release', async () => {
  const signal = AbortSignal.abort()

  expect(
    await codeOfAsync(() => issueToken(testSigner(), REQUEST, RULES, { ...CONTEXT, signal })),
  ).toBe('ERR_CANCELLED')
})

test('a member called __proto__ is a claim like any other', async () => {
  const requested = JSON.parse('{"__proto__":{"admin":true}}') as JsonObject
  const { claims } = parseJwt(await issueTestToken(testSigner(), { claims: requested }))

  expect(Object.keys(claims.json)).toContain('__proto__')
  expect(claims.json['admin']).toBeUndefined()
  expect(FREE_CLAIMS.forced).toEqual({})
})
