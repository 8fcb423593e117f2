import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { FREE_CLAIMS } from '../../src/signing/claim-rules.ts'
import { issueToken } from '../../src/signing/issue-token.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { startLoopbackServer } from './loopback-server.ts'
import { testSigner } from './signers.ts'
import {
  createTokenVerifiers,
  type TokenVerifier,
  type VerifierOptions,
} from './token-verifiers.ts'
import { VERIFIER_CLAIMS, VERIFIER_TOKEN_TYPE } from './token-verifiers.ts'
import { AUDIENCE, ISSUER } from './tokens.ts'

beforeEach(() => {
  // Only the clocks that caches read; sockets keep their own time. lru-cache holds on to `performance`.
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.spyOn(performance, 'now').mockImplementation(() => Date.now())
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

async function pass(seconds: number): Promise<void> {
  vi.setSystemTime(Date.now() + seconds * 1000)
  // lru-cache looks at the clock once in a real millisecond.
  await setTimeout(2)
}

async function issue(signer: Signer): Promise<string> {
  const request = { audience: AUDIENCE, lifetimeSeconds: 3600, claims: VERIFIER_CLAIMS }
  const rules = { type: VERIFIER_TOKEN_TYPE, maxLifetimeSeconds: 3600, claims: FREE_CLAIMS }
  const context = { issuer: ISSUER, now: new Date(), jti: 'jti-1' }
  return (await issueToken(signer, request, rules, context)).token
}

/** An issuer whose key set changes when a test says so. */
async function startIssuer(algorithm: VerifierOptions['algorithm'] = 'ES256'): Promise<{
  readonly serve: (...signers: readonly Signer[]) => void
  readonly requests: () => number
  readonly verifiers: (cacheMs?: number) => readonly TokenVerifier[]
}> {
  let served: readonly Signer[] = []
  const server = await startLoopbackServer(() => ({
    status: 200,
    body: JSON.stringify({ keys: served.map(({ key }) => serializePublicKeyJwk(key)) }),
  }))
  const about = {
    jwksUrl: `${server.url}/jwks.json`,
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithm,
  }
  return {
    serve: (...signers) => {
      served = signers
    },
    requests: () => server.requests.length,
    verifiers: (cacheMs) =>
      createTokenVerifiers({ ...about, ...(cacheMs === undefined ? {} : { cacheMs }) }),
  }
}

async function ask(verifiers: readonly TokenVerifier[], token: string): Promise<object> {
  const answers = verifiers.map(async (verifier) => {
    const { accepted } = await verifier.verify(token)
    return [verifier.name, accepted]
  })
  return Object.fromEntries(await Promise.all(answers)) as object
}

const ALL = ['jose createRemoteJWKSet', 'oauth4webapi', 'fast-jwt', 'jwks-rsa and jsonwebtoken']
const all = (accepted: boolean): object => Object.fromEntries(ALL.map((name) => [name, accepted]))

describe.each(['ES256', 'RS256', 'PS256', 'EdDSA'] as const)('%s', (algorithm) => {
  test('every verifier takes our token, and no token of another key', async () => {
    const issuer = await startIssuer(algorithm)
    const signer = testSigner(algorithm)
    issuer.serve(signer)
    const verifiers = issuer.verifiers()
    const good = Object.values(await ask(verifiers, await issue(signer)))
    const bad = Object.values(await ask(verifiers, await issue(testSigner(algorithm, 'other'))))

    expect(new Set(good)).toEqual(new Set([true]))
    expect(new Set(bad)).toEqual(new Set([false]))
    expect(verifiers).toHaveLength(algorithm === 'EdDSA' ? 3 : 4)
  })
})

test('a rotation that publishes first fails no token, whatever the caches hold', async () => {
  const issuer = await startIssuer()
  const [one, two] = [testSigner('ES256', 'one'), testSigner('ES256', 'two')]
  issuer.serve(one)
  const verifiers = issuer.verifiers()
  const old = await issue(one)
  expect(await ask(verifiers, old)).toEqual(all(true))

  issuer.serve(one, two)
  await pass(900)
  expect(await ask(verifiers, await issue(two))).toEqual(all(true))
  expect(await ask(verifiers, old)).toEqual(all(true))
})

test('a version that signs before it is seen fails where a cache has just been filled', async () => {
  const issuer = await startIssuer()
  const [one, two] = [testSigner('ES256', 'one'), testSigner('ES256', 'two')]
  issuer.serve(one)
  const verifiers = issuer.verifiers()
  await ask(verifiers, await issue(one))

  await pass(5)
  issuer.serve(one, two)

  // Those with a cooldown do not ask again; those without do.
  expect(await ask(verifiers, await issue(two))).toEqual({
    'jose createRemoteJWKSet': false,
    oauth4webapi: false,
    'fast-jwt': true,
    'jwks-rsa and jsonwebtoken': true,
  })
})

test('a key that is dropped is refused when the caches have run out, and not before', async () => {
  const issuer = await startIssuer()
  const [one, two] = [testSigner('ES256', 'one'), testSigner('ES256', 'two')]
  issuer.serve(one, two)
  const verifiers = issuer.verifiers()
  const token = await issue(one)
  await ask(verifiers, token)

  issuer.serve(two)
  await pass(290)
  expect(await ask(verifiers, token)).toEqual(all(true))
  await pass(311)
  expect(await ask(verifiers, token)).toEqual(all(false))
  expect(await ask(verifiers, await issue(two))).toEqual(all(true))
})

test('caches are as short as a test wants them', async () => {
  const issuer = await startIssuer()
  const [one, two] = [testSigner('ES256', 'one'), testSigner('ES256', 'two')]
  issuer.serve(one, two)
  const verifiers = issuer.verifiers(1000)
  const token = await issue(one)
  await ask(verifiers, token)
  await ask(verifiers, token)
  expect(issuer.requests()).toBe(4)

  issuer.serve(two)
  await pass(1.1)
  expect(await ask(verifiers, token)).toEqual(all(false))
})
