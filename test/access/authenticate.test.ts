import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto'
import fc from 'fast-check'
import { jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { type AuthenticatorOptions, createAuthenticator } from '../../src/access/authenticate.ts'
import type { Caller } from '../../src/access/caller.ts'
import type { IssuerSettings } from '../../src/access/settings.ts'
import { CountersignError } from '../../src/errors.ts'
import { codeOfAsync } from '../support/errors.ts'
import type { OidcIssuerOptions } from '../../src/testing.ts'
import { GITLAB_CLAIMS, KUBERNETES_CLAIMS } from '../support/identity-claims.ts'
import { type OidcIssuer, SERVICE_AUDIENCE, startOidcIssuer } from '../support/oidc-issuer.ts'

const NOW = new Date('2026-11-25T12:00:00Z')
const SECONDS = NOW.getTime() / 1000

interface Scene {
  readonly issuer: OidcIssuer
  readonly authenticate: (token: string) => Promise<Caller>
}

async function createScene(
  settings: Partial<IssuerSettings> = {},
  issuerOptions: OidcIssuerOptions = {},
  options: Partial<AuthenticatorOptions> = {},
): Promise<Scene> {
  const issuer = await startOidcIssuer({ now: () => NOW, ...issuerOptions })
  const issuers = [{ ...issuer.settings, ...settings }]
  const authenticator = createAuthenticator({ issuers, now: () => NOW, ...options })
  return { issuer, authenticate: (token) => authenticator.authenticate(`Bearer ${token}`) }
}

function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
    'base64url',
  )
}

/** Signs any header and payload, however wrong, with the issuer's own key. */
function forge(
  { key, issuer }: OidcIssuer,
  parts: { header?: unknown; payload?: unknown },
): string {
  const header = parts.header ?? { alg: 'ES256', kid: key.kid, typ: 'JWT' }
  const times = { iat: SECONDS, exp: SECONDS + 300 }
  const payload = parts.payload ?? { iss: issuer, aud: SERVICE_AUDIENCE, sub: 'x', ...times }
  const input = `${encode(header)}.${encode(payload)}`
  const signature = signBytes('sha256', Buffer.from(input), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return `${input}.${signature.toString('base64url')}`
}

async function refusalOf(work: Promise<unknown>): Promise<CountersignError> {
  const error: unknown = await work.catch((thrown: unknown) => thrown)
  if (CountersignError.is(error, 'ERR_NOT_AUTHENTICATED')) return error
  throw new Error('expected a refusal', { cause: error })
}

test('a token of a job identifies the caller, with all its claims', async () => {
  const { issuer, authenticate } = await createScene()

  await expect(authenticate(await issuer.mint())).resolves.toMatchObject({
    kind: 'oidc',
    issuer: issuer.issuer,
    subject: 'repo:acme/widget:ref:refs/heads/main',
    claims: { repository_id: '123456789', jti: 'jti-1' },
  })
})

test.each([
  ['GitLab', { claims: GITLAB_CLAIMS }, {}],
  ['Kubernetes, which writes no type', { claims: KUBERNETES_CLAIMS }, { typ: undefined }],
  ['an issuer that signs RS256', { algorithm: 'RS256' as const }, {}],
])('a token of %s is accepted', async (_who, options, header) => {
  const { issuer, authenticate } = await createScene({}, options)

  await expect(authenticate(await issuer.mint({}, header))).resolves.toMatchObject({ kind: 'oidc' })
})

test('the scheme is read in any case', async () => {
  const issuer = await startOidcIssuer({ now: () => NOW })
  const authenticator = createAuthenticator({ issuers: [issuer.settings], now: () => NOW })

  const caller = await authenticator.authenticate(`bEARER ${await issuer.mint()}`)

  expect(caller.issuer).toBe(issuer.issuer)
})

test.each([
  undefined,
  '',
  'Bearer',
  'Basic dXNlcjpwYXNz',
  'Bearer a b',
  'Bearer a\n',
  `Bearer ${'a'.repeat(17_000)}`,
])('the header %j is not a token', async (header) => {
  const authenticator = createAuthenticator({ issuers: [], now: () => NOW })

  expect((await refusalOf(authenticator.authenticate(header))).hint).toBeDefined()
})

test('a token over 16 KiB is refused before it is read', async () => {
  const { issuer, authenticate } = await createScene()
  const token = await issuer.mint({ big: 'x'.repeat(16_384) })

  expect((await refusalOf(authenticate(token))).message).toContain('over 16384')
})

const wrongClaims: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['for another audience', { aud: 'https://other.example' }],
  ['for an audience that begins like ours', { aud: `${SERVICE_AUDIENCE}.evil.example` }],
  ['without an audience', { aud: undefined }],
  ['for a list of others', { aud: ['a', 'b'] }],
  ['that expired', { exp: SECONDS - 61 }],
  ['that expires in a text', { exp: String(SECONDS + 300) }],
  ['that never expires', { exp: undefined }],
  ['of the future', { nbf: SECONDS + 61 }],
  ['issued in the future', { iat: SECONDS + 61 }],
  ['issued never', { iat: undefined }],
  ['that is too old, though it has not expired', { iat: SECONDS - 3661, exp: SECONDS + 300 }],
  ['without a subject', { sub: undefined }],
  ['of an empty subject', { sub: '' }],
  ['of a subject that no database keeps', { sub: 'x\0y' }],
  ['of a subject of two lines', { sub: 'x\ny' }],
  ['of an endless subject', { sub: 'x'.repeat(1025) }],
  ['of no issuer', { iss: undefined }],
  ['of several issuers', { iss: ['a', 'b'] }],
]

test.each(wrongClaims)('a token %s is refused', async (_what, claims) => {
  const { issuer, authenticate } = await createScene()

  const error = await refusalOf(authenticate(await issuer.mint(claims)))

  expect(error.hint).toBeDefined()
})

test('clocks may be apart by the skew and no more', async () => {
  const { issuer, authenticate } = await createScene()
  const late = await issuer.mint({ exp: SECONDS - 59, nbf: SECONDS + 59, iat: SECONDS + 59 })

  await expect(authenticate(late)).resolves.toMatchObject({ kind: 'oidc' })
})

test('an issuer whose address begins like an accepted one is another issuer', async () => {
  const { issuer, authenticate } = await createScene()

  for (const suffix of ['.evil.example', '/', '/slug', '@evil.example', '?', ' ']) {
    const error = await refusalOf(authenticate(await issuer.mint({ iss: issuer.issuer + suffix })))
    expect(error.details).toMatchObject({ claim: 'iss', expected: issuer.issuer })
  }
})

test('an enterprise is accepted by its own slug only', async () => {
  const { issuer, authenticate } = await createScene({ enterpriseSlug: 'acme-corp' })

  await expect(
    authenticate(await issuer.mint({ iss: `${issuer.issuer}/acme-corp` })),
  ).resolves.toMatchObject({ issuer: `${issuer.issuer}/acme-corp` })
  for (const iss of [issuer.issuer, `${issuer.issuer}/acme-corp2`, `${issuer.issuer}/Acme-Corp`]) {
    await refusalOf(authenticate(await issuer.mint({ iss })))
  }
})

test('a refusal says what was expected and what came, and never the token', async () => {
  const { issuer, authenticate } = await createScene()
  const token = await issuer.mint({ aud: 'https://other.example' })

  const error = await refusalOf(authenticate(token))

  expect(error.details).toEqual({
    claim: 'aud',
    expected: SERVICE_AUDIENCE,
    actual: 'https://other.example',
  })
  expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain(
    token.slice(0, 20),
  )
})

test.each<[string, (issuer: OidcIssuer) => string | Promise<string>]>([
  ['no signature', (issuer) => `${forge(issuer, {}).split('.').slice(0, 2).join('.')}.`],
  [
    'the algorithm none',
    (issuer) => forge(issuer, { header: { alg: 'none', kid: issuer.key.kid } }),
  ],
  [
    'HMAC with the public key as its secret',
    (issuer) => {
      const input = forge(issuer, { header: { alg: 'HS256', kid: issuer.key.kid } })
      const unsigned = input.split('.').slice(0, 2).join('.')
      const pem = issuer.key.publicKey.export({ type: 'spki', format: 'pem' })
      return `${unsigned}.${createHmac('sha256', pem).update(unsigned).digest('base64url')}`
    },
  ],
  [
    'an algorithm its key does not have',
    (issuer) => forge(issuer, { header: { alg: 'RS256', kid: issuer.key.kid } }),
  ],
  ['no kid', (issuer) => forge(issuer, { header: { alg: 'ES256' } })],
  ['an unknown kid', (issuer) => forge(issuer, { header: { alg: 'ES256', kid: 'other' } })],
  ['a kid that is a number', (issuer) => forge(issuer, { header: { alg: 'ES256', kid: 1 } })],
  [
    'a critical extension',
    (issuer) =>
      forge(issuer, { header: { alg: 'ES256', kid: issuer.key.kid, crit: ['exp'], exp: 1 } }),
  ],
  [
    'another type',
    (issuer) => forge(issuer, { header: { alg: 'ES256', kid: issuer.key.kid, typ: 'dpop+jwt' } }),
  ],
  [
    'a member twice',
    (issuer) => forge(issuer, { payload: `{"iss":"${issuer.issuer}","iss":"x"}` }),
  ],
  ['a header member twice', (issuer) => forge(issuer, { header: '{"alg":"ES256","alg":"none"}' })],
  ['claims that are no object', (issuer) => forge(issuer, { payload: '[]' })],
  ['padding', async (issuer) => `${await issuer.mint()}=`],
  ['base64 of another alphabet', (issuer) => forge(issuer, {}).replace(/\.[^.]*$/, '.ab+/')],
  ['a fourth part', async (issuer) => `${await issuer.mint()}.x`],
  ['two parts', (issuer) => forge(issuer, {}).split('.').slice(0, 2).join('.')],
  [
    'bits after the end',
    async (issuer) => (await issuer.mint()).replace(/.$/, (last) => nextLetter(last)),
  ],
  ['no JSON', () => 'a.b.c'],
])('a token with %s is refused', async (_what, makeToken) => {
  const { issuer, authenticate } = await createScene()

  await refusalOf(authenticate(await makeToken(issuer)))
})

/** A letter whose unused bits differ: the same bytes for a lenient decoder. */
function nextLetter(letter: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(letter) + 1] ?? 'A'
}

test('a key inside the header is not looked at', async () => {
  const { issuer, authenticate } = await createScene()
  const mine = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = { ...mine, kid: issuer.key.kid }
  const jwk = mine.publicKey.export({ format: 'jwk' })
  const header = { alg: 'ES256', kid: key.kid, jwk, jku: 'https://evil.example/jwks' }

  await refusalOf(authenticate(forge({ ...issuer, key }, { header })))
})

test('an algorithm that the settings leave out is refused', async () => {
  const { issuer, authenticate } = await createScene({ algorithms: ['RS256'] })

  const error = await refusalOf(authenticate(await issuer.mint()))

  expect(error.details).toEqual({ claim: 'alg', expected: 'RS256', actual: 'ES256' })
  expect(issuer.requests).toEqual([])
})

test('a token is accepted once where replays are refused', async () => {
  const used = new Map<string, Date>()
  const { issuer, authenticate } = await createScene(
    { preventReplay: true },
    {},
    {
      replays: {
        useOnce(name, jti, { expires }) {
          const isFirst = !used.has(`${name} ${jti}`)
          used.set(`${name} ${jti}`, expires)
          return Promise.resolve(isFirst)
        },
      },
    },
  )
  const token = await issuer.mint()

  await expect(authenticate(token)).resolves.toMatchObject({ kind: 'oidc' })
  expect((await refusalOf(authenticate(token))).message).toContain('used before')
  await expect(authenticate(await issuer.mint())).resolves.toMatchObject({ kind: 'oidc' })
  // It is remembered for as long as it could be accepted.
  expect(used.get(`${issuer.issuer} jti-1`)).toEqual(new Date((SECONDS + 300 + 61) * 1000))
  await refusalOf(authenticate(await issuer.mint({ jti: undefined })))
})

test('a token that is refused is not used up', async () => {
  const used: string[] = []
  const useOnce = (_issuer: string, jti: string): Promise<boolean> =>
    Promise.resolve(used.push(jti) > 0)
  const { issuer, authenticate } = await createScene(
    { preventReplay: true },
    {},
    { replays: { useOnce } },
  )

  await refusalOf(authenticate(await issuer.mint({ aud: 'other' })))
  await refusalOf(authenticate(forge(issuer, {}).replace(/\.[^.]*$/, `.${'A'.repeat(86)}`)))

  expect(used).toEqual([])
})

test('a static token is its caller, and nothing like it is', async () => {
  const token = 'development-token-0123456789abcdef'
  const authenticator = createAuthenticator({
    issuers: [],
    staticTokens: [{ name: 'laptop', token, claims: { repository_id: '1' } }],
    now: () => NOW,
  })

  await expect(authenticator.authenticate(`Bearer ${token}`)).resolves.toEqual({
    kind: 'static',
    issuer: 'static',
    subject: 'laptop',
    claims: { repository_id: '1' },
  })
  await refusalOf(authenticator.authenticate(`Bearer ${token}x`))
})

test('no token can claim to be of the static issuer', async () => {
  const { issuer, authenticate } = await createScene()

  await refusalOf(authenticate(await issuer.mint({ iss: 'static' })))
})

test('keys that are configured are used, and nothing is fetched', async () => {
  const other = await startOidcIssuer({ now: () => NOW })
  const { authenticate } = await createScene({
    issuer: other.issuer,
    jwks: () => Promise.resolve(JSON.stringify(other.jwks())),
  })

  await expect(authenticate(await other.mint())).resolves.toMatchObject({ kind: 'oidc' })
  expect(other.requests).toEqual([])
})

test('a token changed anywhere is not accepted', async () => {
  const { issuer, authenticate } = await createScene()
  const token = await issuer.mint()
  await authenticate(token)
  const letter = fc.constantFrom('A', 'x', '0', '-', '_', '.', '=', '+', '/', ' ', '\n')

  await fc.assert(
    fc.asyncProperty(fc.nat(token.length - 1), letter, async (at, replacement) => {
      const mutated = token.slice(0, at) + replacement + token.slice(at + 1)
      fc.pre(mutated !== token)

      expect(await codeOfAsync(() => authenticate(mutated))).toBe('ERR_NOT_AUTHENTICATED')
    }),
    { numRuns: 300 },
  )
})

test('jose accepts every token that is accepted here', async () => {
  const { issuer, authenticate } = await createScene()
  const claim = fc.constantFrom('exp', 'nbf', 'iat', 'aud', 'iss', 'sub')
  const value = fc.oneof(
    fc.integer({ min: -4000, max: 4000 }).map((offset) => SECONDS + offset),
    fc.constantFrom(SERVICE_AUDIENCE, [SERVICE_AUDIENCE, 'b'], issuer.issuer, '', undefined),
  )

  await fc.assert(
    fc.asyncProperty(fc.dictionary(claim, value), async (claims) => {
      const payload = {
        iss: issuer.issuer,
        aud: SERVICE_AUDIENCE,
        sub: 'x',
        iat: SECONDS,
        exp: SECONDS + 300,
        ...claims,
      }
      const token = forge(issuer, { payload })
      const isOurs = (await codeOfAsync(() => authenticate(token))) === 'accepted'
      fc.pre(isOurs)

      await jwtVerify(token, issuer.key.publicKey, {
        issuer: issuer.issuer,
        audience: SERVICE_AUDIENCE,
        clockTolerance: 60,
        maxTokenAge: 3600,
        currentDate: NOW,
      })
    }),
    { numRuns: 100, maxSkipsPerRun: 100 },
  )
})
