import { expect, test } from 'vitest'
import { createAuthenticator } from '../../src/access/authenticate.ts'
import type { Caller } from '../../src/access/caller.ts'
import { KnownTokens } from '../../src/access/known-tokens.ts'
import type { IssuerSettings } from '../../src/access/settings.ts'
import { codeOfAsync } from '../support/errors.ts'
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts'

const NOW = new Date('2026-11-25T12:00:00Z')
const SECONDS = NOW.getTime() / 1000

interface Scene {
  readonly issuer: OidcIssuer
  readonly authenticate: (token: string) => Promise<Caller>
  /** Moves the clock to so many seconds after the start. */
  readonly moveTo: (seconds: number) => void
}

async function createScene(settings: Partial<IssuerSettings> = {}): Promise<Scene> {
  let now = NOW
  const issuer = await startOidcIssuer({ now: () => NOW, cacheControl: 'max-age=60' })
  const issuers = [{ ...issuer.settings, ...settings }]
  const authenticator = createAuthenticator({ issuers, now: () => now })
  return {
    issuer,
    authenticate: (token) => authenticator.authenticate(`Bearer ${token}`),
    moveTo: (seconds) => (now = new Date(NOW.getTime() + seconds * 1000)),
  }
}

test('a token that comes again is the same caller', async () => {
  const { authenticate, issuer } = await createScene()
  const token = await issuer.mint()

  expect(await authenticate(token)).toBe(await authenticate(token))
})

test('a token that differs in one character is not the one before', async () => {
  const { authenticate, issuer } = await createScene()
  const token = await issuer.mint()
  await authenticate(token)
  const at = token.length - 10
  const other = token[at] === 'A' ? 'B' : 'A'
  const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`

  expect(await codeOfAsync(() => authenticate(changed))).toBe('ERR_NOT_AUTHENTICATED')
})

test('a token that was accepted before is refused once it expired', async () => {
  const { authenticate, issuer, moveTo } = await createScene()
  const token = await issuer.mint({ exp: SECONDS + 30 })
  await authenticate(token)
  moveTo(91)

  expect(await codeOfAsync(() => authenticate(token))).toBe('ERR_NOT_AUTHENTICATED')
})

test('a token that was accepted before is refused once it is too old', async () => {
  const { authenticate, issuer, moveTo } = await createScene({ maxTokenAgeSeconds: 30 })
  const token = await issuer.mint()
  await authenticate(token)
  moveTo(91)

  expect(await codeOfAsync(() => authenticate(token))).toBe('ERR_NOT_AUTHENTICATED')
})

test('a token that was accepted before is refused where the clock was put back to before it', async () => {
  const { authenticate, issuer, moveTo } = await createScene()
  const token = await issuer.mint()
  await authenticate(token)
  moveTo(-600)

  expect(await codeOfAsync(() => authenticate(token))).toBe('ERR_NOT_AUTHENTICATED')
})

test('a token that was accepted before is refused once its issuer has dropped the key', async () => {
  const { authenticate, issuer, moveTo } = await createScene()
  const token = await issuer.mint()
  await authenticate(token)
  issuer.rotate({ drop: true })
  moveTo(61)

  expect(await codeOfAsync(() => authenticate(token))).toBe('ERR_NOT_AUTHENTICATED')
})

function known(caller: string): Parameters<KnownTokens<string>['remember']>[1] {
  return {
    caller: { kind: 'oidc', issuer: 'i', subject: caller, claims: {} },
    issuer: 'i',
    name: { kid: 'k' },
    keys: [],
    verifiedAt: NOW,
    goodUntil: new Date(NOW.getTime() + 1000),
  }
}

test('what was used longest ago is forgotten first', () => {
  const tokens = new KnownTokens<string>(2)
  tokens.remember('a', known('a'))
  tokens.remember('b', known('b'))
  tokens.find('a', NOW)
  tokens.remember('c', known('c'))

  expect(['a', 'b', 'c'].filter((token) => tokens.find(token, NOW) !== undefined)).toEqual([
    'a',
    'c',
  ])
})
