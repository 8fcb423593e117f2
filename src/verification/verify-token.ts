/**
 * Verifying a token in named steps: parse, key, signature, type, issuer, audience, lifetime. The
 * algorithm is the key's own, and the header must agree.
 *
 * Not through jose: it takes what we must refuse (padding, blanks and line ends inside base64url), and
 * `verifyMessage` is what checks every other signature of ours. Tests hold that whatever is accepted
 * here is accepted by jose too.
 *
 * @packageDocumentation
 */
import { verifyMessage } from '../crypto/verify.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import type { JsonObject } from '../formats/json.ts'
import type { NamedPublicKey } from '../formats/jwks.ts'
import { type CompactJws, type JoseHeader, parseJws } from '../formats/jws.ts'
import { type Jwt, parseJwt } from '../formats/jwt.ts'
import { type Checklist, createChecklist } from './checklist.ts'
import type { Check } from './policy.ts'
import { assertAudience, assertIssuer, assertLifetime, assertType } from './token-policy.ts'
import { describeAudience, describeLifetime, type TokenPolicy } from './token-policy.ts'

/** What a token is verified with. */
export interface TokenContext {
  readonly keys: readonly NamedPublicKey[]
  readonly policy: TokenPolicy
  /** The moment that counts as now. */
  readonly now: Date
}

/** A token that held, in every step. Only verification makes one. */
export interface VerifiedToken {
  readonly header: JsonObject
  readonly claims: JsonObject
  readonly key: NamedPublicKey
  readonly expires: Date
  readonly checks: readonly Check[]
}

/** How the examination of one token ended. */
export type TokenOutcome =
  | { readonly ok: true; readonly token: VerifiedToken }
  | { readonly ok: false; readonly error: CountersignError; readonly checks: readonly Check[] }

/**
 * Verifies one token.
 *
 * @param text - the token; attacker-controlled
 * @throws {@link CountersignError} the code of the first check that failed: ERR_JWT_INVALID,
 * ERR_KEY_NOT_TRUSTED, ERR_SIGNATURE_INVALID, ERR_JWT_CLAIM_MISMATCH, ERR_JWT_EXPIRED
 */
export function verifyToken(text: string, context: TokenContext): VerifiedToken {
  return verifySteps(text, context, createChecklist())
}

/** Verifies one token and answers how it ended, with every check that was made. Never throws. */
export function examineToken(text: string, context: TokenContext): TokenOutcome {
  const checks = createChecklist()
  try {
    return { ok: true, token: verifySteps(text, context, checks) }
  } catch (thrown) {
    const error = toCountersignError(thrown)
    checks.fail(error)
    return { ok: false, error, checks: checks.all }
  }
}

function verifySteps(text: string, context: TokenContext, checks: Checklist): VerifiedToken {
  const { keys, policy } = context

  checks.start('token', 'a signed JWT in compact form')
  const jwt = parseJwt(text)
  checks.pass(`JWT, ${jwt.header.alg.slice(0, 20)}`)

  checks.start(
    'key',
    keys
      .map(({ kid }) => `kid ${kid}`)
      .slice(0, 3)
      .join(' or ') || 'a trusted key',
  )
  const key = selectTokenKey(jwt.header, keys, policy)
  checks.pass(`kid ${key.kid}`)

  checks.start('signature', `${key.key.algorithm.name} by kid ${key.kid}`)
  assertJwsSignature(jwt, key)
  checks.pass(key.key.algorithm.name)

  const expires = assertClaims(jwt, context, checks)
  return { header: jwt.header.json, claims: jwt.claims.json, key, expires, checks: checks.all }
}

/** Compares what the token says with what was asked for; only once it is known whose word it is. */
function assertClaims(
  { header, claims }: Jwt,
  { policy, now }: TokenContext,
  checks: Checklist,
): Date {
  checks.start('type', policy.type)
  checks.pass(assertType(header.typ, policy))

  checks.start('issuer', policy.issuer)
  checks.pass(assertIssuer(claims, policy))

  checks.start('audience', policy.audience)
  checks.pass(describeAudience(assertAudience(claims, policy)))

  checks.start('lifetime', `valid at ${now.toISOString()}`)
  const expires = assertLifetime(claims, policy, now)
  checks.pass(describeLifetime(claims))
  return expires
}

/**
 * Verifies a compact JWS of any payload with one key; where that key came from is the caller's to know.
 *
 * @throws {@link CountersignError} ERR_JWT_INVALID — malformed, or of another algorithm than the key's;
 * ERR_SIGNATURE_INVALID
 */
export function verifyJws(text: string, key: NamedPublicKey): CompactJws {
  const jws = parseJws(text)
  assertJwsSignature(jws, key)
  return jws
}

function assertJwsSignature(jws: CompactJws, { kid, key }: NamedPublicKey): void {
  const { name } = key.algorithm
  // The header's word on the algorithm is an attacker's until here; it chooses nothing.
  if (jws.header.alg !== name) {
    throw new CountersignError(
      'ERR_JWT_INVALID',
      `the token names another algorithm than the one of its key, ${name}`,
      {
        hint: 'an RSA key without "alg" signs RS256 here; to pin another one, give --algorithm',
        details: { expected: name, actual: jws.header.alg.slice(0, 20) },
      },
    )
  }
  if (verifyMessage(key, jws.signingInput, jws.signature)) return
  throw new CountersignError(
    'ERR_SIGNATURE_INVALID',
    `the token's signature is not one of kid ${kid}`,
    { hint: 'the token was changed, or signed by somebody else', details: { kid } },
  )
}

/**
 * Finds the one key that a header may mean; the header is attacker-controlled, and only chooses among keys
 * that are trusted.
 *
 * @throws {@link CountersignError} ERR_JWT_INVALID — it names no key; ERR_KEY_NOT_TRUSTED — it names one
 * that is not there, or that is there twice
 */
export function selectTokenKey(
  { kid, alg }: JoseHeader,
  keys: readonly NamedPublicKey[],
  { requireKid = true }: Pick<TokenPolicy, 'requireKid'> = {},
): NamedPublicKey {
  if (kid === undefined && requireKid) {
    throw new CountersignError('ERR_JWT_INVALID', 'the token names no key (kid)', {
      details: { actual: 'no kid' },
    })
  }
  const [found, another] = keys.filter((one) =>
    kid === undefined ? one.key.algorithm.name === alg : one.kid === kid,
  )
  if (found !== undefined && another === undefined) return found
  throw notTrusted(kid, found === undefined ? 'none' : 'more than one', keys.length)
}

function notTrusted(kid: string | undefined, how: string, count: number): CountersignError {
  const name = kid === undefined ? 'no kid' : `kid ${kid.slice(0, 100)}`
  return new CountersignError(
    'ERR_KEY_NOT_TRUSTED',
    `the token names ${name}, and ${how} of the ${count} trusted keys is meant`,
    {
      hint: 'fetch the key set of the issuer again: the key may be new, or revoked',
      details: { actual: name },
    },
  )
}
