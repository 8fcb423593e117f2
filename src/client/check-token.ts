/** Verifies a token that a service issued against what was asked for, before it is given out. */
import { isDeepStrictEqual } from 'node:util'
import { CountersignError, type CountersignErrorOptions } from '../errors.ts'
import { type Claims, type Jwt, parseJwt, toNumericDate } from '../formats/jwt.ts'
import { examineToken } from '../verification/verify-token.ts'
import { createChosenGet } from './bounded-get.ts'
import { type ProxyVariables, readProxies } from './proxies.ts'
import { createJwksCache } from './jwks-cache.ts'
import { atService } from './service-address.ts'
import type { TokenMade } from './service-answers.ts'
import type { TokenCall } from './service-client.ts'

/** What a token must say, down to the claim. */
export interface TokenOrder extends TokenCall {
  /** Default: the address of the service, without slashes at its end. */
  readonly issuer?: string | undefined
  /** `typ` of its header; default `JWT`. */
  readonly type?: string | undefined
  /** Names of claims that the rules of the key may add. */
  readonly addedClaims?: readonly string[] | undefined
}

/** The service that issued it, and what it was asked for. */
export interface TokenExpectation {
  /** As the user wrote it. */
  readonly server: string
  readonly order: TokenOrder
}

/** Lifetime of a token where none was asked for; a key whose longest is shorter gives less. */
const DEFAULT_LIFETIME_SECONDS = 600
/** Claims that the issuer sets; each of them is checked. */
const REGISTERED: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'iat', 'nbf', 'jti'])

/**
 * Verifies a token as its receivers will, with the keys that the service publishes, and holds all it says
 * against what was asked for and what the service said of it: an answer may be another caller's.
 *
 * @throws {@link CountersignError} ERR_JWT_CLAIM_MISMATCH — it says something else, or more; the code of
 * another check that fails; ERR_NETWORK, ERR_TIMEOUT — the keys can't be fetched
 */
export async function assertAsOrdered(
  made: TokenMade,
  { server, order }: TokenExpectation,
  { now, env }: { readonly now: () => Date; readonly env: ProxyVariables },
): Promise<void> {
  const keys = await createJwksCache({
    url: atService(new URL(server), '.well-known/jwks.json'),
    get: createChosenGet(readProxies(env)),
    now,
    random: Math.random,
  }).keysFor(made.kid)
  const { issuer = server.replace(/\/+$/, ''), type = 'JWT' } = order
  const [audience = ''] = [order.audience].flat()
  const policy = { issuer, audience, type }
  const outcome = examineToken(made.token, { keys, policy, now: now() })
  if (!outcome.ok) throw refused(server, outcome.error)
  const mismatch = findMismatch(parseJwt(made.token), made, order)
  if (mismatch !== undefined) throw refused(server, mismatch)
}

/** The first thing that a token says otherwise than it was asked for, or answered with. */
function findMismatch(
  { header, claims }: Jwt,
  { kid, jti, expires }: TokenMade,
  order: TokenOrder,
): CountersignError | undefined {
  const { audience, claims: asked = {}, addedClaims = [] } = order
  const { json } = claims
  const isAnswer = header.kid === kid && claims.jti === jti && isAt(claims.expires, expires)
  if (!isAnswer) return differs(header.kid === kid ? 'jti' : 'kid', 'is not the one of the answer')
  if (!isDeepStrictEqual(json['aud'], audience)) return differs('aud', NOT_ASKED)
  if (!isLifetime(claims, order)) return differs('exp', NOT_ASKED)
  const changed = Object.keys(asked).find((name) => !isDeepStrictEqual(json[name], asked[name]))
  if (changed !== undefined) return differs(changed, NOT_ASKED)
  const known = new Set([...REGISTERED, ...Object.keys(asked), ...addedClaims])
  const added = Object.keys(json).find((name) => !known.has(name))
  return added === undefined ? undefined : differs(added, 'was not asked for')
}

const NOT_ASKED = 'is not what was asked for'

function isAt(time: Date | undefined, other: Date): boolean {
  return time !== undefined && toNumericDate(time) === toNumericDate(other)
}

function isLifetime({ issuedAt, expires }: Claims, { lifetimeSeconds }: TokenOrder): boolean {
  if (issuedAt === undefined || expires === undefined) return false
  const lifetime = toNumericDate(expires) - toNumericDate(issuedAt)
  if (lifetimeSeconds !== undefined) return lifetime === lifetimeSeconds
  return lifetime > 0 && lifetime <= DEFAULT_LIFETIME_SECONDS
}

/** Names the claim and never its value: a token may hold personal data. */
function differs(claim: string, why: string): CountersignError {
  const name = claim.slice(0, 100)
  return new CountersignError('ERR_JWT_CLAIM_MISMATCH', `the claim "${name}" ${why}`, {
    details: { claim: name },
  })
}

function refused(server: string, cause: CountersignError): CountersignError {
  const { code, message, details } = cause
  const claim = String(details['claim'] ?? '')
  const { hint, reason } = remedyFor(claim, message) ?? {
    hint: `report this to the operator of ${server}`,
  }
  return new CountersignError(
    code,
    `the token that ${server} issued is not what was asked for: ${message}`,
    { hint: `the token was not given out; ${hint}`, reason, details, cause },
  )
}

type Remedy = Pick<CountersignErrorOptions, 'reason'> & { readonly hint: string }

function remedyFor(claim: string, message: string): Remedy | undefined {
  if (Object.hasOwn(REMEDIES, claim)) return REMEDIES[claim]
  if (!message.endsWith('was not asked for')) return undefined
  return { hint: `if the rules of the key set "${claim}", allow it`, reason: 'token-claim-added' }
}

const REMEDIES: Readonly<Record<string, Remedy>> = {
  iss: {
    hint: 'if the service issues under another name, expect that name',
    reason: 'token-issuer-differs',
  },
  typ: {
    hint: 'if the key issues tokens of another type, expect that type',
    reason: 'token-type-differs',
  },
}
