/** Tokens of a test issuer, and the keys that verify them. */
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import type { NamedPublicKey } from '../../src/formats/jwks.ts'
import { serializeJws, serializeSigningInput } from '../../src/formats/jws.ts'
import { FREE_CLAIMS } from '../../src/signing/claim-rules.ts'
import { issueToken, type TokenRequest, type TokenRules } from '../../src/signing/issue-token.ts'
import type { Signer } from '../../src/signing/signer.ts'
import type { TokenPolicy } from '../../src/verification/token-policy.ts'
import { testSigner } from './signers.ts'

/** Issuer, audience and moment of the tokens that tests issue. */
export const ISSUER = 'https://sign.example.com'
export const AUDIENCE = 'https://api.example.com'
export const ISSUED_AT: Date = new Date('2026-11-22T10:00:00Z')

/** Demands what {@link issueTestToken} issues. */
export const POLICY: TokenPolicy = { issuer: ISSUER, audience: AUDIENCE, type: 'JWT' }

/** Rules that leave callers free for an hour. */
export const RULES: TokenRules = { maxLifetimeSeconds: 3600, claims: FREE_CLAIMS }

/** A request that the rules allow. */
export const REQUEST: TokenRequest = { audience: AUDIENCE, lifetimeSeconds: 600, claims: {} }

/** Issues a token by the real issuer. */
export async function issueTestToken(
  signer: Signer = testSigner(),
  request: Partial<TokenRequest> = {},
  rules: Partial<TokenRules> = {},
): Promise<string> {
  const context = { issuer: ISSUER, now: ISSUED_AT, jti: 'jti-1' }
  const issued = await issueToken(
    signer,
    { ...REQUEST, ...request },
    { ...RULES, ...rules },
    context,
  )
  return issued.token
}

/** Members of a token's part; those that are undefined are left out. */
type Members = Readonly<Record<string, unknown>>

/** Signs any header and payload, also those that the issuer never would. */
export async function signAnyToken(
  payload: Members | string,
  header: Members = {},
  signer: Signer = testSigner(),
): Promise<string> {
  const { algorithm, kid } = signer.key
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
  const members = { alg: algorithm.name, kid, typ: 'JWT', ...header }
  const input = serializeSigningInput(members, bytes)
  return serializeJws(input, await signer.sign(input))
}

/** The key of an algorithm under its thumbprint, as our JWKS names it. */
export function testTokenKey(algorithm?: AlgorithmName, name?: string): NamedPublicKey {
  const { key } = testSigner(algorithm, name)
  return { kid: key.kid, key }
}
