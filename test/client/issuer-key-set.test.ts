/** What services verify tokens with: jose, and our keys for it. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { createIssuerKeySet, type IssuerKeySetOptions } from '../../src/client/issuer-key-set.ts'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { codeOfAsync } from '../support/errors.ts'
import { startPublications } from '../support/publications.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { AUDIENCE, ISSUED_AT, ISSUER, issueTestToken } from '../support/tokens.ts'

const PATH = '/.well-known/jwks.json'

function jwks(sequence: number | undefined, ...names: readonly string[]): string {
  const keys = names.map((name) => serializePublicKeyJwk(testSigner('ES256', name).key))
  return JSON.stringify({ keys, sequence })
}

const tokenOf = (name: string): Promise<string> => issueTestToken(testSigner('ES256', name))

async function verify(token: string, keys: JWTVerifyGetKey): Promise<string | undefined> {
  const demands = { issuer: ISSUER, audience: AUDIENCE, currentDate: ISSUED_AT }
  const { payload } = await jwtVerify(token, keys, demands)
  return payload.jti
}

async function createScene(): Promise<{
  readonly server: Awaited<ReturnType<typeof startPublications>>
  readonly url: URL
  readonly pass: (seconds: number) => void
  readonly open: (options?: IssuerKeySetOptions) => ReturnType<typeof createIssuerKeySet>
}> {
  const server = await startPublications()
  server.pages.set(PATH, jwks(7, 'first'))
  const url = new URL(PATH, server.url)
  let nowMs = ISSUED_AT.getTime()
  return {
    server,
    url,
    pass: (seconds) => (nowMs += seconds * 1000),
    open: (options = {}) => createIssuerKeySet(url, { now: () => new Date(nowMs), ...options }),
  }
}

test.each<AlgorithmName>(['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'Ed25519'])(
  'jose verifies %s tokens with it',
  async (algorithm) => {
    const { server, open } = await createScene()
    const signer = testSigner(algorithm)
    server.pages.set(PATH, JSON.stringify({ keys: [serializePublicKeyJwk(signer.key)] }))
    const token = await issueTestToken(signer)

    expect(await verify(token, open())).toBe('jti-1')
  },
)

test('many callers share one fetch, and unknown kids cause one more at most', async () => {
  const { server, open, pass } = await createScene()
  const keys = open()
  const token = await tokenOf('first')
  const foreign = await tokenOf('attacker')

  await Promise.all(Array.from({ length: 20 }, () => verify(token, keys)))
  expect(server.answers).toEqual([200])
  pass(31)
  for (let tries = 0; tries < 10; tries += 1) {
    await expect(verify(foreign, keys)).rejects.toThrow(errors.JWKSNoMatchingKey)
  }
  expect(server.answers).toEqual([200, 304])
})

test('a token of a new key verifies at once', async () => {
  const { server, open, pass } = await createScene()
  const keys = open()
  await verify(await tokenOf('first'), keys)
  server.pages.set(PATH, jwks(8, 'first', 'second'))
  pass(31)

  expect(await verify(await tokenOf('second'), keys)).toBe('jti-1')
})

test('a revoked key is dropped once the max-age is over', async () => {
  const { server, open, pass } = await createScene()
  const keys = open()
  const token = await tokenOf('first')
  await verify(token, keys)
  server.pages.set(PATH, jwks(8, 'second'))
  pass(301)

  await expect(verify(token, keys)).rejects.toThrow(errors.JWKSNoMatchingKey)
})

test('a set that goes back is refused, where jose’s own resolver takes it', async () => {
  const { server, url, open, pass } = await createScene()
  const keys = open()
  const others = createRemoteJWKSet(url, { cacheMaxAge: 0 })
  const revoked = await tokenOf('revoked')
  await verify(await tokenOf('first'), keys)
  server.pages.set(PATH, jwks(6, 'revoked'))
  pass(400)

  expect(await verify(revoked, others)).toBe('jti-1')
  expect(await codeOfAsync(() => verify(revoked, keys))).toBe('ERR_TRUST_ROLLED_BACK')
})

test('an outage rejects no token of a known key, for a bounded time, and blames no unknown one', async () => {
  const { server, open, pass } = await createScene()
  const keys = open({ maxStaleSeconds: 60 })
  const token = await tokenOf('first')
  await verify(token, keys)
  server.failure = 503

  pass(359)
  expect(await verify(token, keys)).toBe('jti-1')
  expect(await codeOfAsync(async () => verify(await tokenOf('new'), keys))).toBe('ERR_NETWORK')
  pass(2)
  expect(await codeOfAsync(() => verify(token, keys))).toBe('ERR_TRUST_STALE')
})

test('with a copy on disk a process starts while the issuer is down, and remembers the sequence', async () => {
  const { server, open, pass } = await createScene()
  const cacheFile = join(createTempFolder(), 'keys.json')
  await verify(await tokenOf('first'), open({ cacheFile }))
  server.failure = 503
  pass(400)

  expect(await verify(await tokenOf('first'), open({ cacheFile }))).toBe('jti-1')
  expect(statSync(cacheFile).mode & 0o777).toBe(0o600)
  server.failure = undefined
  server.pages.set(PATH, jwks(6, 'revoked'))
  const again = open({ cacheFile })
  expect(await codeOfAsync(async () => verify(await tokenOf('revoked'), again))).toBe(
    'ERR_TRUST_ROLLED_BACK',
  )
})

test('the copy of one issuer gives no keys to another', async () => {
  const { open } = await createScene()
  const cacheFile = join(createTempFolder(), 'keys.json')
  await open({ cacheFile }).reload()
  const other = await startPublications()
  other.failure = 503
  const keys = createIssuerKeySet(new URL(PATH, other.url), { cacheFile, now: () => ISSUED_AT })

  expect(await codeOfAsync(async () => verify(await tokenOf('first'), keys))).toBe('ERR_NETWORK')
})

test('two keys of one name are an error that gives both, as jose does', async () => {
  const { server, open } = await createScene()
  const named = ['first', 'second'].map((name) => ({
    ...serializePublicKeyJwk(testSigner('ES256', name).key),
    kid: 'same',
  }))
  server.pages.set(PATH, JSON.stringify({ keys: named }))

  const refused: unknown = await open()({ alg: 'ES256', kid: 'same' }).catch(
    (error: unknown) => error,
  )
  expect(refused).toBeInstanceOf(errors.JWKSMultipleMatchingKeys)
  const types: string[] = []
  for await (const { type } of refused as errors.JWKSMultipleMatchingKeys) types.push(type)
  expect(types).toEqual(['public', 'public'])
})

test('an answer that is too long, or not a key set, is no set', async () => {
  const { server, open } = await createScene()
  server.pages.set(PATH, `{"keys":[],"x":"${'y'.repeat(600_000)}"}`)
  expect(await codeOfAsync(() => open().reload())).toBe('ERR_NETWORK')
  server.pages.set(PATH, '{"keys":7}')
  expect(await codeOfAsync(() => open().reload())).toBe('ERR_TRUST_INVALID')
})
