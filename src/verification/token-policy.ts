/**
 * What the caller demands of a token's header and claims.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { type Claims, toNumericDate } from '../formats/jwt.ts'

/** Takes whatever the token says; has to be said. */
export const ANY = 'any'

/** What a caller demands of a token. */
export interface TokenPolicy {
  /** The one issuer, compared exactly; `'any'` for none in particular. */
  readonly issuer: string
  /** The expected audience, compared exactly; `'any'` accepts every audience. */
  readonly audience: string
  /** Media type in the header (`JWT`, `at+jwt`), by which one kind of token is never taken for another. */
  readonly type: string
  /** How far clocks may be apart, 0 to 300 s; default 60. */
  readonly clockSkewSeconds?: number | undefined
  /** Whether a token must name its key; else the one key of its algorithm is meant. Default true. */
  readonly requireKid?: boolean | undefined
}

const DEFAULT_SKEW_SECONDS = 60
const MAX_SKEW_SECONDS = 300
/** As much untrusted text as an error shows. */
const SHOWN = 200

function mismatch(
  claim: string,
  message: string,
  expected: string,
  actual: string,
): CountersignError {
  return new CountersignError('ERR_JWT_CLAIM_MISMATCH', message, {
    hint: 'the token is another one than you expect, or you expect the wrong thing of it',
    details: { claim, expected, actual: actual.slice(0, SHOWN) },
  })
}

/**
 * Refuses a token of another type (RFC 8725 section 3.11), and one that has none.
 *
 * @returns the type
 * @throws {@link CountersignError} ERR_JWT_CLAIM_MISMATCH
 */
export function assertType(typ: string | undefined, { type }: TokenPolicy): string {
  const actual = typ ?? 'none'
  if (type === ANY || (typ !== undefined && mediaType(typ) === mediaType(type))) return actual
  throw mismatch('typ', `the token is not of the type ${type}`, type, actual)
}

/** `application/` is left out by custom (RFC 7515 section 4.1.9). */
function mediaType(typ: string): string {
  const lower = typ.toLowerCase()
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower
}

/**
 * Refuses a token of another issuer.
 *
 * @returns the issuer
 * @throws {@link CountersignError} ERR_JWT_CLAIM_MISMATCH
 */
export function assertIssuer({ issuer }: Claims, policy: TokenPolicy): string {
  const actual = issuer ?? 'none'
  if (policy.issuer === ANY || issuer === policy.issuer) return actual
  throw mismatch('iss', 'the token is of another issuer', policy.issuer, actual)
}

/**
 * Refuses a token for another audience.
 *
 * @returns whom it is for
 * @throws {@link CountersignError} ERR_JWT_CLAIM_MISMATCH
 */
export function assertAudience({ audience = [] }: Claims, policy: TokenPolicy): readonly string[] {
  if (policy.audience === ANY || audience.includes(policy.audience)) return audience
  const actual = describeAudience(audience)
  throw mismatch('aud', 'the token is for another audience', policy.audience, actual)
}

/**
 * Refuses a token outside its lifetime, by the clock that is handed in and the skew that is allowed.
 *
 * @returns when it expires
 * @throws {@link CountersignError} ERR_JWT_EXPIRED — its time is over; ERR_JWT_CLAIM_MISMATCH — it has no
 * end, or its time has not come
 */
export function assertLifetime(claims: Claims, policy: TokenPolicy, now: Date): Date {
  const { expires, notBefore, issuedAt } = claims
  const skew = toSkew(policy)
  const seconds = toNumericDate(now)
  const at = now.toISOString()
  if (expires === undefined) throw mismatch('exp', 'the token never expires', 'an end', 'none')
  if (expires.getTime() / 1000 <= seconds - skew) {
    throw new CountersignError('ERR_JWT_EXPIRED', `the token expired at ${expires.toISOString()}`, {
      hint: 'get a new one; if this one is new, compare the clocks',
      details: { expected: `valid at ${at}`, actual: describeLifetime(claims) },
    })
  }
  for (const [claim, time] of [
    ['nbf', notBefore],
    ['iat', issuedAt],
  ] as const) {
    if (time === undefined || time.getTime() / 1000 <= seconds + skew) continue
    const message = `the token is of the future: "${claim}" is ${time.toISOString()}`
    throw mismatch(claim, message, `valid at ${at}`, describeLifetime(claims))
  }
  return expires
}

function toSkew({ clockSkewSeconds = DEFAULT_SKEW_SECONDS }: TokenPolicy): number {
  if (clockSkewSeconds >= 0 && clockSkewSeconds <= MAX_SKEW_SECONDS) return clockSkewSeconds
  throw new RangeError(`a clock skew is 0 to ${MAX_SKEW_SECONDS} seconds`)
}

/** An audience for people. */
export function describeAudience(audience: readonly string[]): string {
  return audience.length === 0 ? 'no audience' : audience.join(', ').slice(0, SHOWN)
}

/** A lifetime for people. */
export function describeLifetime({ notBefore, issuedAt, expires }: Claims): string {
  const start = notBefore ?? issuedAt
  return `${start?.toISOString() ?? 'the beginning'} to ${expires?.toISOString() ?? 'no end'}`
}
