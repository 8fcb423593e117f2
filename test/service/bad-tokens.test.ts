/** Identity tokens that are not accepted, and the whole problem document that each gets. */
import { createHmac } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import { expect, test } from 'vitest'
import { createAuthenticator } from '../../src/access/authenticate.ts'
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts'
import { assertProblem, type ExpectedProblem } from '../support/problems.ts'
import { NOW, SETTINGS, startService } from '../support/service.ts'

const SECONDS = NOW.getTime() / 1000

interface TokenScene {
  readonly issuer: OidcIssuer
  readonly call: (token: string) => Promise<LightMyRequestResponse>
}

/** A service that believes one issuer, and takes each of its tokens once. */
async function startWithIssuer(): Promise<TokenScene> {
  const issuer = await startOidcIssuer({ now: () => NOW })
  const used = new Set<string>()
  const useOnce = (_issuer: string, jti: string): Promise<boolean> =>
    Promise.resolve(!used.has(jti) && used.add(jti).has(jti))
  const authenticator = createAuthenticator({
    issuers: [{ ...issuer.settings, preventReplay: true }],
    now: () => NOW,
    replays: { useOnce },
  })
  const authenticate = authenticator.authenticate.bind(authenticator)
  const { app } = await startService({ parts: { authenticate } })
  const call = (token: string): Promise<LightMyRequestResponse> =>
    app.inject({ url: '/v1/keys', headers: { authorization: `Bearer ${token}` } })
  return { issuer, call }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** A token with a header of the thief's choice, and a MAC by the published key in place of a signature. */
function forge({ issuer, key }: OidcIssuer, alg: string): string {
  const times = { iat: SECONDS, exp: SECONDS + 60 }
  const claims = { iss: issuer, aud: SETTINGS.issuer, sub: 'x', jti: 'j', ...times }
  const input = `${encode({ alg, kid: key.kid, typ: 'JWT' })}.${encode(claims)}`
  const secret = key.publicKey.export({ type: 'spki', format: 'pem' })
  const mac = createHmac('sha256', secret).update(input).digest('base64url')
  return `${input}.${alg === 'none' ? '' : mac}`
}

const not = (why: string): string => `the identity token is not accepted: ${why}`
const SEE = 'request the token for what is expected: see expected and actual'
const AGAIN = 'request the token right before the call; if it is new, compare the clocks'

type Refusal = Omit<ExpectedProblem, 'status' | 'code'>
type TokenCase = readonly [string, (issuer: OidcIssuer) => string | Promise<string>, Refusal]

const tokens: readonly TokenCase[] = [
  [
    'that is malformed',
    () => 'abc',
    {
      detail: not('malformed token: not three parts'),
      hint: 'a token is three parts of base64url, joined by dots; copy it whole, without blanks',
    },
  ],
  [
    'that was changed',
    async (issuer) => (await issuer.mint()).replace(/.{20}$/, 'A'.repeat(20)),
    {
      detail: not("the token's signature is not one of kid key-1"),
      hint: 'the token was changed, or another issuer made it',
    },
  ],
  [
    'that expired',
    (issuer) => issuer.mint({ exp: SECONDS - 3600 }),
    {
      detail: not('the token expired at 2026-11-22T09:00:00.000Z'),
      hint: AGAIN,
      expected: 'valid at 2026-11-22T10:00:00.000Z',
      actual: '2026-11-22T09:59:55.000Z to 2026-11-22T09:00:00.000Z',
    },
  ],
  [
    'of the future',
    (issuer) => issuer.mint({ nbf: SECONDS + 3600 }),
    {
      detail: not('the token is of the future: "nbf" is 2026-11-22T11:00:00.000Z'),
      hint: 'compare the clocks of the issuer and of this service; see expected and actual',
      expected: 'valid at 2026-11-22T10:00:00.000Z',
      actual: '2026-11-22T11:00:00.000Z to 2026-11-22T10:05:00.000Z',
    },
  ],
  [
    'without a signature',
    (issuer) => forge(issuer, 'none'),
    {
      detail: not('malformed token: it is not signed'),
      hint: 'a token is three parts of base64url, joined by dots; copy it whole, without blanks',
    },
  ],
  [
    'with a MAC by the public key',
    (issuer) => forge(issuer, 'HS256'),
    {
      detail: not('its "alg" is not as expected'),
      hint: SEE,
      expected: 'RS256 or PS256 or ES256 or ES384 or ES512 or EdDSA or Ed25519',
      actual: 'HS256',
    },
  ],
  [
    'for another audience',
    (issuer) => issuer.mint({ aud: 'https://other.example' }),
    {
      detail: not('the token is for another audience'),
      hint: SEE,
      expected: SETTINGS.issuer,
      actual: 'https://other.example',
    },
  ],
  [
    'of another issuer',
    (issuer) => issuer.mint({ iss: 'https://evil.example' }),
    {
      detail: 'the identity token is of an issuer that is not accepted',
      hint: 'add the issuer to access.issuers, exactly as its tokens write it',
    },
  ],
  [
    'over 16 KiB',
    (issuer) => issuer.mint({ x: 'x'.repeat(17_000) }),
    {
      detail: 'the Authorization header is over 16384 characters',
      hint: 'send an identity token, which is much shorter',
    },
  ],
]

test.each(tokens)('a token %s is refused with the whole truth', async (_what, make, refusal) => {
  const { issuer, call } = await startWithIssuer()

  const answer = await call(await make(issuer))

  assertProblem(answer, { status: 401, code: 'ERR_NOT_AUTHENTICATED', ...refusal })
  expect(answer.headers['www-authenticate']).toBe('Bearer')
})

test('a token that was used is refused, and its first use was not', async () => {
  const { issuer, call } = await startWithIssuer()
  const token = await issuer.mint()

  const first = await call(token)
  const second = await call(token)

  expect(first.statusCode).toBe(200)
  assertProblem(second, {
    status: 401,
    code: 'ERR_NOT_AUTHENTICATED',
    detail: 'the identity token was used before',
    hint: 'request a new token for every call',
  })
})
