import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import type { NamedPublicKey } from '../../src/formats/jwks.ts'
import type { Signer } from '../../src/signing/signer.ts'
import {
  examineToken,
  type TokenContext,
  verifyToken,
} from '../../src/verification/verify-token.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'
import { AUDIENCE, ISSUED_AT, ISSUER, issueTestToken } from '../support/tokens.ts'
import { POLICY, signAnyToken, testTokenKey } from '../support/tokens.ts'

const KEY = testTokenKey()
const CONTEXT: TokenContext = { keys: [KEY], policy: POLICY, now: ISSUED_AT }
const IAT = ISSUED_AT.getTime() / 1000
const CLAIMS = { iss: ISSUER, aud: AUDIENCE, exp: IAT + 600 }

const after = (seconds: number): Date => new Date(ISSUED_AT.getTime() + seconds * 1000)
const codeWith = (token: string, some: Partial<TokenContext> = {}): string =>
  codeOf(() => verifyToken(token, { ...CONTEXT, ...some }))

test('a token of a trusted key with the expected claims is verified, check by check', async () => {
  const outcome = examineToken(
    await issueTestToken(testSigner(), { claims: { sub: 'x' } }),
    CONTEXT,
  )

  expect(outcome).toMatchObject({
    ok: true,
    token: { claims: { sub: 'x' }, header: { alg: 'ES256' }, key: KEY, expires: after(600) },
  })
  const { checks } = outcome.ok ? outcome.token : outcome
  expect(checks.map(({ id, ok, actual }) => [id, ok, actual])).toEqual([
    ['token', true, 'JWT, ES256'],
    ['key', true, `kid ${KEY.kid}`],
    ['signature', true, 'ES256'],
    ['type', true, 'JWT'],
    ['issuer', true, ISSUER],
    ['audience', true, AUDIENCE],
    ['lifetime', true, '2026-11-22T10:00:00.000Z to 2026-11-22T10:10:00.000Z'],
  ])
})

test('a failed check reports expected and actual values, and stops', async () => {
  const outcome = examineToken(await signAnyToken({ ...CLAIMS, iss: 'https://evil' }), CONTEXT)

  expect(outcome).toMatchObject({ ok: false, error: { code: 'ERR_JWT_CLAIM_MISMATCH' } })
  const { checks } = outcome.ok ? outcome.token : outcome
  expect(checks.at(-1)).toEqual({
    id: 'issuer',
    ok: false,
    expected: ISSUER,
    actual: 'https://evil',
  })
})

type Members = Readonly<Record<string, unknown>>

test.each<[string, Members, Members]>([
  ['of another issuer', { iss: `${ISSUER}/` }, {}],
  ['without an issuer', { iss: undefined }, {}],
  ['for another audience', { aud: 'https://other' }, {}],
  ['for all other audiences', { aud: ['https://other', `${AUDIENCE}.evil`] }, {}],
  ['without an audience', { aud: undefined }, {}],
  ['of another type', {}, { typ: 'at+jwt' }],
  ['of no type', {}, { typ: undefined }],
  ['without an end', { exp: undefined }, {}],
  ['that is not valid yet', { nbf: IAT + 61 }, {}],
  ['from the future', { iat: IAT + 61 }, {}],
])('a signed token %s is refused', async (_, claims, header) => {
  expect(codeWith(await signAnyToken({ ...CLAIMS, ...claims }, header))).toBe(
    'ERR_JWT_CLAIM_MISMATCH',
  )
})

test('one of several audiences is enough', async () => {
  expect(codeWith(await signAnyToken({ ...CLAIMS, aud: ['https://other', AUDIENCE] }))).toBe(
    'accepted',
  )
})

test('a type is compared as a media type', async () => {
  const token = await signAnyToken(CLAIMS, { typ: 'application/AT+JWT' })

  expect(codeWith(token, { policy: { ...POLICY, type: 'at+jwt' } })).toBe('accepted')
})

test('an expectation is left out only explicitly', async () => {
  const policy = { issuer: 'any', audience: 'any', type: 'any' }
  const token = await signAnyToken({ exp: CLAIMS.exp }, { typ: undefined })

  expect(codeWith(token, { policy })).toBe('accepted')
})

test('clocks may differ by the skew, and not a second more', async () => {
  const token = await issueTestToken()
  const at = (seconds: number, clockSkewSeconds?: number): string =>
    codeWith(token, { now: after(seconds), policy: { ...POLICY, clockSkewSeconds } })

  expect([at(659), at(660)]).toEqual(['accepted', 'ERR_JWT_EXPIRED'])
  expect([at(599, 0), at(600, 0)]).toEqual(['accepted', 'ERR_JWT_EXPIRED'])
  expect([at(-60), at(-61)]).toEqual(['accepted', 'ERR_JWT_CLAIM_MISMATCH'])
  expect([at(0, 0), at(-1, 0)]).toEqual(['accepted', 'ERR_JWT_CLAIM_MISMATCH'])
})

test('a skew of over five minutes is a caller’s mistake', async () => {
  const token = await issueTestToken()
  const policy = { ...POLICY, clockSkewSeconds: 301 }

  expect(() => verifyToken(token, { ...CONTEXT, policy })).toThrow(RangeError)
})

test('a key that is not trusted verifies nothing', async () => {
  expect(codeWith(await issueTestToken(testSigner('ES256', 'other')))).toBe('ERR_KEY_NOT_TRUSTED')
  expect(codeWith(await issueTestToken(), { keys: [] })).toBe('ERR_KEY_NOT_TRUSTED')
})

test('a signature of another key under a trusted name is refused', async () => {
  const token = await signAnyToken(CLAIMS, { kid: KEY.kid }, testSigner('ES256', 'other'))

  expect(codeWith(token)).toBe('ERR_SIGNATURE_INVALID')
})

test.each(ALGORITHM_NAMES)('of keys that share a name, the one of %s is used', async (name) => {
  const kid = 'shared'
  const keys = ALGORITHM_NAMES.filter((other) => other !== 'Ed25519').map((other) => ({
    ...testTokenKey(other),
    kid,
  }))
  const signed = (signer: Signer): Promise<string> => signAnyToken(CLAIMS, { kid }, signer)

  expect(codeWith(await signed(testSigner(name)), { keys })).toBe('accepted')
  expect(codeWith(await signed(testSigner(name)), { keys: keys.toReversed() })).toBe('accepted')
  expect(codeWith(await signed(testSigner(name, 'other')), { keys })).toBe('ERR_SIGNATURE_INVALID')
})

test('of keys that share a name and an algorithm, four are tried', async () => {
  const kid = 'shared'
  const named = (name: string): NamedPublicKey => ({ ...testTokenKey('ES256', name), kid })
  const others = ['one', 'two', 'three'].map(named)
  const token = await signAnyToken(CLAIMS, { kid })

  for (const keys of [
    [named('default'), ...others],
    [...others, named('default')],
  ]) {
    expect(codeWith(token, { keys })).toBe('accepted')
    expect(codeWith(token, { keys: [...keys, ...keys] })).toBe('accepted')
    expect(codeWith(token, { keys: [...keys, named('four')] })).toBe('ERR_KEY_NOT_TRUSTED')
  }
  expect(codeWith(token, { keys: others })).toBe('ERR_SIGNATURE_INVALID')
})

test.each(['EdDSA', 'Ed25519'] as const)(
  'a token of either name of Ed25519 verifies with a key of %s',
  async (name) => {
    const key = testTokenKey(name)
    for (const alg of ['EdDSA', 'Ed25519']) {
      const token = await signAnyToken(CLAIMS, { alg }, testSigner(name))
      expect(codeWith(token, { keys: [key] })).toBe('accepted')
    }
    for (const alg of ['Ed448', 'ed25519', 'ES256', 'none']) {
      const token = await signAnyToken(CLAIMS, { alg }, testSigner(name))
      expect(codeWith(token, { keys: [key] })).toBe('ERR_JWT_INVALID')
    }
  },
)

test('a token that names no key is refused, unless one key alone can be meant', async () => {
  const token = await signAnyToken(CLAIMS, { kid: undefined })
  const policy = { ...POLICY, requireKid: false }

  expect(codeWith(token)).toBe('ERR_JWT_INVALID')
  expect(codeWith(token, { policy, keys: [KEY, testTokenKey('RS256')] })).toBe('accepted')
  expect(codeWith(token, { policy, keys: [KEY, testTokenKey('ES256', 'other')] })).toBe(
    'ERR_KEY_NOT_TRUSTED',
  )
})

test('the header does not choose the algorithm', async () => {
  const rsa = testTokenKey('RS256')
  const asPss = await signAnyToken(CLAIMS, { kid: rsa.kid }, testSigner('PS256'))

  expect(rsa.key.kid).toBe(testSigner('PS256').key.kid)
  expect(codeWith(asPss, { keys: [rsa] })).toBe('ERR_JWT_INVALID')
})

test.each(['HS256', 'none', 'ES384', 'es256'])(
  'a token that says %s is not verified with an ES256 key',
  async (alg) => {
    expect(codeWith(await signAnyToken(CLAIMS, { alg }))).toBe('ERR_JWT_INVALID')
  },
)

test('a public key is never the secret of an HMAC', async () => {
  const [, payload = ''] = (await issueTestToken()).split('.')
  const header = { alg: 'HS256', kid: KEY.kid, typ: 'JWT' }
  const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`
  const secret = KEY.key.keyObject.export({ type: 'spki', format: 'pem' })
  const mac = createHmac('sha256', secret).update(input).digest('base64url')

  expect(codeWith(`${input}.${mac}`)).toBe('ERR_JWT_INVALID')
})

test('keys in a header are ignored', async () => {
  const other = testSigner('ES256', 'other')
  const jwk = other.key.keyObject.export({ format: 'jwk' })
  const token = await signAnyToken(CLAIMS, { kid: KEY.kid, jwk }, other)

  expect(codeWith(token)).toBe('ERR_SIGNATURE_INVALID')
})

test('untrusted text in an error is truncated', async () => {
  const outcome = examineToken(await signAnyToken({ ...CLAIMS, iss: 'x'.repeat(9000) }), CONTEXT)

  expect(JSON.stringify(outcome).length).toBeLessThan(4000)
})
