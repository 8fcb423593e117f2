/** Tokens that we issue, and what JWT libraries of other languages say to them while keys rotate. */
import { expect, test } from 'vitest'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { FREE_CLAIMS } from '../../src/signing/claim-rules.ts'
import { issueToken } from '../../src/signing/issue-token.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { startLoopbackServer } from '../support/loopback-server.ts'
import { testSigner } from '../support/signers.ts'
import { describeEach } from './support/needs.ts'
import { FOREIGN_VERIFIERS, type TokenProgram } from './support/token-program.ts'

const ISSUER = 'https://sign.example.com'
const AUDIENCE = 'https://api.example.com'

async function issue(signer: Signer, audience = AUDIENCE, now = new Date()): Promise<string> {
  const request = { audience, lifetimeSeconds: 600, claims: { sub: 'job-7' } }
  const rules = { maxLifetimeSeconds: 600, claims: FREE_CLAIMS }
  return (await issueToken(signer, request, rules, { issuer: ISSUER, now, jti: 'jti-1' })).token
}

/** Serves a key set that a test changes, and what verifies by it. */
async function serveKeys(
  algorithm: AlgorithmName,
  start: (typeof FOREIGN_VERIFIERS)[number]['start'],
): Promise<{
  readonly serve: (...signers: readonly Signer[]) => void
  readonly program: TokenProgram
}> {
  let served: readonly Signer[] = []
  const server = await startLoopbackServer(() => ({
    status: 200,
    contentType: 'application/jwk-set+json',
    body: JSON.stringify({
      keys: served.map(({ key }) => serializePublicKeyJwk(key)),
      sequence: served.length,
      refreshHintSeconds: 300,
    }),
  }))
  const jwksUrl = `${server.url}/.well-known/jwks.json`
  return {
    serve: (...signers) => {
      served = signers
    },
    program: start({ jwksUrl, issuer: ISSUER, audience: AUDIENCE, algorithm }),
  }
}

describeEach(FOREIGN_VERIFIERS, ({ start }) => {
  test.each(['ES256', 'RS256', 'PS256', 'EdDSA'] as const)(
    'accepts our %s tokens, and rejects changed and expired ones and those of other audiences',
    async (algorithm) => {
      const { serve, program } = await serveKeys(algorithm, start)
      await using verifier = program
      const signer = testSigner(algorithm)
      serve(signer)
      const token = await issue(signer)

      expect(await verifier.verify(token)).toBe('accepted')
      expect(await verifier.verify(token.replace(/.{9}$/, 'AAAAAAAAA'))).toMatch(/^refused/)
      expect(await verifier.verify(await issue(signer, 'https://other'))).toMatch(/^refused/)
      expect(await verifier.verify(await issue(signer, AUDIENCE, new Date(0)))).toMatch(/^refused/)
    },
  )

  test('follows a rotation whose next version is published before it signs', async () => {
    const { serve, program } = await serveKeys('ES256', start)
    await using verifier = program
    const [one, two] = [testSigner('ES256', 'one'), testSigner('ES256', 'two')]
    serve(one, two)
    const old = await issue(one)

    expect(await verifier.verify(old)).toBe('accepted')
    expect(await verifier.verify(await issue(two))).toBe('accepted')
    expect(await verifier.verify(old)).toBe('accepted')
  })

  test('refuses a revoked version once a version it has never seen makes it look', async () => {
    const { serve, program } = await serveKeys('ES256', start)
    await using verifier = program
    const [one, two] = [testSigner('ES256', 'one'), testSigner('ES256', 'two')]
    serve(one)
    const stolen = await issue(one)
    expect(await verifier.verify(stolen)).toBe('accepted')

    serve(two)

    // Its cache still has the dropped key: that is the exposure that a `flush` revocation ends.
    expect(await verifier.verify(stolen)).toBe('accepted')
    expect(await verifier.verify(await issue(two))).toBe('accepted')
    expect(await verifier.verify(stolen)).toMatch(/^refused/)
  })
})
