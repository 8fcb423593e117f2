/**
 * Verifiers that others wrote, each with the cache of key sets it has in the field: what a token of a
 * service meets through rotations and revocations. They fetch over HTTP from any JWKS address and keep
 * time by the clock of the process.
 *
 * A token that all of them take has the type {@link VERIFIER_TOKEN_TYPE} and {@link VERIFIER_CLAIMS}.
 *
 * @packageDocumentation
 */
import { createVerifier } from 'fast-jwt'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { JwksClient } from 'jwks-rsa'
import { createPublicKey } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'

/** What oauth4webapi demands of a token (RFC 9068), and the others don't mind. */
export const VERIFIER_TOKEN_TYPE = 'at+jwt'

/** Claims beside the registered ones that oauth4webapi demands. */
export const VERIFIER_CLAIMS: Readonly<Record<string, string>> = {
  sub: 'job-7',
  client_id: 'tests',
}

/** Whose tokens are verified, and how long key sets are kept. */
export interface VerifierOptions {
  readonly jwksUrl: string
  readonly issuer: string
  readonly audience: string
  /** None of the libraries but jose knows `Ed25519` yet. */
  readonly algorithm: Exclude<AlgorithmName, 'Ed25519'>
  /** How long keys are kept, ms; default: what the library keeps by itself. */
  readonly cacheMs?: number
  /** How long an unknown kid leads to no new request, ms; for those that have it. */
  readonly cooldownMs?: number
}

/** What a verifier says of a token. */
export type VerifierAnswer =
  { readonly accepted: true } | { readonly accepted: false; readonly reason: string }

/** One verifier with its own cache. */
export interface TokenVerifier {
  readonly name: string
  verify(token: string): Promise<VerifierAnswer>
}

type Check = (token: string) => Promise<unknown>

/** Makes one of each, with empty caches; those that can't verify the algorithm at all are left out. */
export function createTokenVerifiers(options: VerifierOptions): readonly TokenVerifier[] {
  const checks: readonly (readonly [string, Check])[] = [
    ['jose createRemoteJWKSet', joseCheck(options)],
    ['oauth4webapi', oauthCheck(options)],
    ['fast-jwt', fastJwtCheck(options)],
    // jsonwebtoken has never learnt Ed25519.
    ...(options.algorithm === 'EdDSA'
      ? []
      : [['jwks-rsa and jsonwebtoken', jsonwebtokenCheck(options)] as const]),
  ]
  return checks.map(([name, check]) => ({ name, verify: (token) => answer(check(token)) }))
}

async function answer(checked: Promise<unknown>): Promise<VerifierAnswer> {
  try {
    await checked
    return { accepted: true }
  } catch (error) {
    return { accepted: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

/** Keeps a set for 10 min; asks again for an unknown kid, not more often than every 30 s. */
function joseCheck({
  jwksUrl,
  issuer,
  audience,
  algorithm,
  cacheMs = 600_000,
  cooldownMs = 30_000,
}: VerifierOptions): Check {
  const cache = { cacheMaxAge: cacheMs, cooldownDuration: cooldownMs }
  const keys = createRemoteJWKSet(new URL(jwksUrl), cache)
  return (token) => jwtVerify(token, keys, { issuer, audience, algorithms: [algorithm] })
}

/** Keeps each key for 10 min; asks again for every unknown kid. */
function jsonwebtokenCheck(options: VerifierOptions): Check {
  const { jwksUrl, issuer, audience, algorithm, cacheMs = 600_000 } = options
  const client = new JwksClient({ jwksUri: jwksUrl, cache: true, cacheMaxAge: cacheMs })
  return async (token) => {
    const { kid } = jsonwebtoken.decode(token, { complete: true })?.header ?? {}
    const key = (await client.getSigningKey(kid)).getPublicKey()
    const algorithms = [algorithm as jsonwebtoken.Algorithm]
    return jsonwebtoken.verify(token, key, { issuer, audience, algorithms })
  }
}

/** Keeps a set for 5 min; asks again for an unknown kid where the set is a minute old. */
function oauthCheck(options: VerifierOptions): Check {
  const { jwksUrl, issuer, audience, algorithm, cacheMs = 300_000 } = options
  // The library keeps sets by the server object: a new one is a new cache, and the only way to a shorter time.
  let server: oauth.AuthorizationServer | undefined
  let since = 0
  return (token) => {
    if (server === undefined || Date.now() - since >= cacheMs) {
      // It takes TLS alone; the request goes where it should all the same.
      server = { issuer, jwks_uri: jwksUrl.replace(/^http:/, 'https:') }
      since = Date.now()
    }
    const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } })
    return oauth.validateJwtAccessToken(server, request, audience, {
      [oauth.customFetch]: (_url, { method, headers }) => fetch(jwksUrl, { method, headers }),
      signingAlgorithms: [algorithm],
    })
  }
}

/** Has no key sets: its user fetches keys, here by kid as the others do, for 10 min. */
function fastJwtCheck(options: VerifierOptions): Check {
  const { jwksUrl, issuer, audience, algorithm, cacheMs = 600_000 } = options
  const kept = new Map<string, { readonly pem: string; readonly since: number }>()

  async function findKey(kid: string): Promise<string> {
    const known = kept.get(kid)
    if (known !== undefined && Date.now() - known.since < cacheMs) return known.pem
    kept.delete(kid)
    const { keys } = (await (await fetch(jwksUrl)).json()) as { keys: readonly { kid: string }[] }
    const jwk = keys.find((one) => one.kid === kid)
    if (jwk === undefined) throw new Error(`no key ${kid} in the set`)
    const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    kept.set(kid, { pem: String(pem), since: Date.now() })
    return String(pem)
  }

  const verifier = createVerifier({
    key: ({ header }: { header: Readonly<Record<string, unknown>> }) =>
      findKey(String(header['kid'])),
    algorithms: [algorithm],
    allowedIss: issuer,
    allowedAud: audience,
    requiredClaims: ['iss', 'aud', 'exp'],
  })
  return async (token) => (await verifier(token)) as unknown
}
