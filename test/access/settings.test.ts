import { expect, test } from 'vitest'
import { type AuthenticatorOptions, createAuthenticator } from '../../src/access/authenticate.ts'
import type { IssuerSettings } from '../../src/access/settings.ts'
import { codeOf } from '../support/errors.ts'
import { SERVICE_AUDIENCE } from '../support/oidc-issuer.ts'

const NOW = new Date('2026-11-25T12:00:00Z')

const issuerOf = (over: Partial<IssuerSettings>): Partial<AuthenticatorOptions> => ({
  issuers: [{ issuer: 'https://idp.example', audience: SERVICE_AUDIENCE, ...over }],
})

test.each<[string, Partial<AuthenticatorOptions>]>([
  ['an issuer over http', issuerOf({ issuer: 'http://idp.example' })],
  ['an issuer that is not a URL', issuerOf({ issuer: 'idp' })],
  ['an issuer with a query', issuerOf({ issuer: 'https://idp.example/?a=b' })],
  ['keys over http', issuerOf({ jwksUri: 'http://idp.example/jwks' })],
  ['no audience', issuerOf({ audience: '' })],
  ['a slug with a slash', issuerOf({ enterpriseSlug: 'a/b' })],
  ['too much skew', issuerOf({ clockSkewSeconds: 301 })],
  ['too old tokens', issuerOf({ maxTokenAgeSeconds: 2_592_001 })],
  ['a memory of replays that is missing', issuerOf({ preventReplay: true })],
  [
    'an issuer twice',
    { issuers: [...(issuerOf({}).issuers ?? []), ...(issuerOf({}).issuers ?? [])] },
  ],
  ['a short static token', { staticTokens: [{ name: 'a', token: 'short' }] }],
  ['a static token with blanks', { staticTokens: [{ name: 'a', token: 'a '.repeat(40) }] }],
])('%s is a mistake in the configuration', (_what, options) => {
  const create = (): unknown => createAuthenticator({ issuers: [], now: () => NOW, ...options })

  expect(codeOf(create)).toBe('ERR_CONFIG_INVALID')
})
