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
import { isSameAlgorithm } from '../crypto/algorithms.ts'
import { verifyMessage } from '../crypto/verify.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import type { JsonObject } from '../formats/json.ts'
import { isKeyNamed, type NamedPublicKey } from '../formats/jwks.ts'
import { type CompactJws, type JoseHeader, parseJws } from '../formats/jws.ts'
import { type Jwt, parseJwt } from '../formats/jwt.ts'
import { assertTokenArguments } from './argument-shapes.ts'
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
 * @throws TypeError — wrong arguments
 * @throws {@link CountersignError} the code of the first check that failed: ERR_JWT_INVALID,
 * ERR_KEY_NOT_TRUSTED, ERR_SIGNATURE_INVALID, ERR_JWT_CLAIM_MISMATCH, ERR_JWT_EXPIRED
 *
 * @example
 * ```ts
 * import { parseJwks, verifyToken } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const { keys } = parseJwks(await readFile('jwks.json'))
 * const policy = { issuer: 'https://sign.example.com', audience: 'api', type: 'JWT' }
 * const token = await readFile('session.jwt', 'utf8')
 * console.log(verifyToken(token, { keys, policy, now: new Date() }).claims['aud']) // api
 * ```
 */
export function verifyToken(text: string, context: TokenContext): VerifiedToken {
  assertTokenArguments(text, context)
  return verifySteps(text, context, createChecklist())
}

/**
 * Verifies one token and answers how it ended, with every check that was made. Throws for no token.
 *
 * @throws TypeError — wrong arguments
 *
 * @example
 * ```ts
 * import { examineToken, parseJwks } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const { keys } = parseJwks(await readFile('jwks.json'))
 * const policy = { issuer: 'https://sign.example.com', audience: 'another-api', type: 'JWT' }
 * const token = await readFile('session.jwt', 'utf8')
 * const outcome = examineToken(token, { keys, policy, now: new Date() })
 * console.log(outcome.ok ? 'accepted' : outcome.error.code) // ERR_JWT_CLAIM_MISMATCH
 * ```
 */
export function examineToken(text: string, context: TokenContext): TokenOutcome {
  assertTokenArguments(text, context)
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
  const candidates = selectTokenKeys(jwt.header, keys, policy)
  const [{ kid, key: pinned }] = candidates
  checks.pass(`kid ${kid}`)

  checks.start('signature', `${pinned.algorithm.name} by kid ${kid}`)
  const key = assertJwsSignature(jwt, candidates)
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
 *
 * @example
 * ```ts
 * import { parseJwks, parseJws, verifyJws } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const { keys } = parseJwks(await readFile('jwks.json'))
 * const token = await readFile('session.jwt', 'utf8')
 * const named = keys.find(({ kid }) => kid === parseJws(token).header.kid)
 * if (named === undefined) throw new Error('an unknown key')
 * const { payload } = verifyJws(token, named)
 * console.log(JSON.parse(Buffer.from(payload).toString()).aud) // api
 * ```
 */
export function verifyJws(text: string, key: NamedPublicKey): CompactJws {
  const jws = parseJws(text)
  assertJwsSignature(jws, [key])
  return jws
}

/** Answers the one of several keys that made the signature. */
function assertJwsSignature(
  jws: CompactJws,
  candidates: readonly [NamedPublicKey, ...NamedPublicKey[]],
): NamedPublicKey {
  const [{ kid, key }] = candidates
  const { alg } = jws.header
  // The header's word on the algorithm is an attacker's until here; of a key it chooses nothing.
  const pinned = candidates.filter((one) => isSameAlgorithm(alg, one.key.algorithm.name))
  if (pinned.length === 0) throw otherAlgorithm(alg, key.algorithm.name)
  const found = pinned.find((one) => verifyMessage(one.key, jws.signingInput, jws.signature))
  if (found !== undefined) return found
  throw new CountersignError(
    'ERR_SIGNATURE_INVALID',
    `the token's signature is not one of kid ${kid}`,
    { hint: 'the token was modified, or signed by another issuer', details: { kid } },
  )
}

function otherAlgorithm(actual: string, expected: string): CountersignError {
  return new CountersignError(
    'ERR_JWT_INVALID',
    `the token names another algorithm than the one of its key, ${expected}`,
    {
      hint: 'an RSA key without "alg" counts for RS256 unless other algorithms are accepted of its issuer',
      details: { expected, actual: actual.slice(0, 20) },
    },
  )
}

/** Of keys that share their `kid` and algorithm, so many are tried: each try costs a verification. */
const MAX_CANDIDATES = 4

/**
 * Finds the keys that a header may mean: those of its `kid` and algorithm, since a `kid` need not be unique
 * (RFC 7517 section 4.5). The header is attacker-controlled, and only chooses among keys that are trusted,
 * each pinned to its algorithm. Where no key of that `kid` has the algorithm, the first of them is the
 * answer, and verifying with it says so.
 *
 * @throws {@link CountersignError} ERR_JWT_INVALID — it names no key; ERR_KEY_NOT_TRUSTED — it names one
 * that is not there, or more than can be tried
 */
export function selectTokenKeys(
  { kid, alg }: JoseHeader,
  keys: readonly NamedPublicKey[],
  { requireKid = true }: Pick<TokenPolicy, 'requireKid'> = {},
): readonly [NamedPublicKey, ...NamedPublicKey[]] {
  if (kid === undefined && requireKid) {
    throw new CountersignError('ERR_JWT_INVALID', 'the token names no key (kid)', {
      details: { actual: 'no kid' },
    })
  }
  const [found, ...others] = distinct(keys.filter((one) => isKeyNamed(one, { kid, alg })))
  const isBounded = others.length < (kid === undefined ? 1 : MAX_CANDIDATES)
  if (found !== undefined && isBounded) return [found, ...others]
  const named = keys.find((one) => one.kid === kid)
  if (found === undefined && named !== undefined) return [named]
  throw notTrusted(kid, found === undefined ? 'none' : 'more than one', keys.length)
}

/** A key that is listed twice is one key. */
function distinct(keys: readonly NamedPublicKey[]): readonly NamedPublicKey[] {
  return [...new Map(keys.map((one) => [one.key.kid, one])).values()]
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
