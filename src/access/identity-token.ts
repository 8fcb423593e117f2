/**
 * One identity token of one issuer (OpenID Connect Core 1.0 section 2; RFC 8725), beyond what every token
 * is verified for: which algorithms and types an issuer may use, that there is a subject, and an age.
 *
 * @packageDocumentation
 */
import { isSameAlgorithm } from '../crypto/algorithms.ts'
import { CountersignError, type ErrorCode } from '../errors.ts'
import type { KeyName, NamedPublicKey } from '../formats/jwks.ts'
import type { Jwt } from '../formats/jwt.ts'
import { verifyToken } from '../verification/verify-token.ts'
import type { Caller } from './caller.ts'
import { acceptedIssuer, DEFAULT_ALGORITHMS, type IssuerSettings } from './settings.ts'

/** A verified token, as far as its caller needs it. */
export interface VerifiedIdentity {
  readonly caller: Caller
  readonly jti: string | undefined
  /** From when it is no longer accepted, skew included. */
  readonly expires: Date
  /** Until when it is neither expired nor too old, without any skew. */
  readonly goodUntil: Date
}

const DEFAULT_SKEW_SECONDS = 60
const DEFAULT_AGE_SECONDS = 3600
const MAX_NAME_CHARACTERS = 1024
const TYPES: ReadonlySet<string> = new Set([
  'jwt',
  'at+jwt',
  'application/jwt',
  'application/at+jwt',
])
const SHOWN = 200

/** Makes the one error of a caller that is not authenticated; never with the token in it. */
export function refusedToken(
  message: string,
  hint: string | undefined,
  more: Pick<CountersignError, 'details'> & { readonly cause?: unknown } = { details: {} },
): CountersignError {
  return new CountersignError('ERR_NOT_AUTHENTICATED', message, { hint, ...more })
}

/** As {@link refusedToken}, for a part of the token that is not what it must be. */
export function mismatch(claim: string, expected: string, actual: string): CountersignError {
  return refusedToken(
    `the identity token is not accepted: its "${claim}" is not as expected`,
    SEE,
    {
      details: { claim, expected, actual: actual.slice(0, SHOWN) },
    },
  )
}

const SEE = 'request the token for what is expected: see expected and actual'

/** A token that is of the future was mostly made by a clock that is. */
const CLOCKS = 'compare the clocks of the issuer and of this service; see expected and actual'

const HINTS: Partial<Record<ErrorCode, string>> = {
  ERR_JWT_EXPIRED: 'request the token right before the call; if it is new, compare the clocks',
  ERR_JWT_CLAIM_MISMATCH: SEE,
  ERR_KEY_NOT_TRUSTED: 'the token is signed with a key that its issuer does not publish',
  ERR_SIGNATURE_INVALID: 'the token was changed, or another issuer made it',
}

/** Turns every error of a malformed or invalid token into one of failed authentication. */
export function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!CountersignError.is(cause)) throw cause
    const { message, code, details, hint } = cause
    const isEarly = details['claim'] === 'nbf' || details['claim'] === 'iat'
    const next = isEarly ? CLOCKS : (HINTS[code] ?? hint)
    throw refusedToken(`the identity token is not accepted: ${message}`, next, {
      details,
      cause,
    })
  }
}

/**
 * Refuses what the header may not say, before keys are looked for.
 *
 * @returns the name of the key: its `kid` and algorithm
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED
 */
export function assertHeader({ header }: Jwt, settings: IssuerSettings): KeyName {
  const { kid, alg } = header
  const allowed = settings.algorithms ?? DEFAULT_ALGORITHMS
  if (!allowed.some((name) => isSameAlgorithm(name, alg))) {
    throw mismatch('alg', allowed.join(' or '), alg)
  }
  // Kubernetes writes no type.
  if (header.typ !== undefined && !TYPES.has(header.typ.toLowerCase())) {
    throw mismatch('typ', 'JWT', header.typ)
  }
  if (kid === undefined) throw mismatch('kid', 'the name of a key of the issuer', 'none')
  return { kid, alg }
}

/**
 * Verifies a token whose header is fine.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED
 */
export function verifyIdentity(
  token: string,
  settings: IssuerSettings,
  { keys, now }: { readonly keys: readonly NamedPublicKey[]; readonly now: Date },
): VerifiedIdentity {
  const issuer = acceptedIssuer(settings)
  const { clockSkewSeconds = DEFAULT_SKEW_SECONDS, audience } = settings
  const { maxTokenAgeSeconds = DEFAULT_AGE_SECONDS } = settings
  const policy = { issuer, audience, type: 'any', clockSkewSeconds }
  const { claims, expires } = attempt(() => verifyToken(token, { keys, policy, now }))
  const subject = readName(claims['sub'])
  if (subject === undefined) throw mismatch('sub', NAME, 'none, or a longer one')
  const issuedAt = readAge(claims['iat'], now, maxTokenAgeSeconds + clockSkewSeconds)
  return {
    caller: { kind: 'oidc', issuer, subject, claims },
    jti: readName(claims['jti']),
    // Verifiers compare whole seconds, so one more.
    expires: new Date(expires.getTime() + (clockSkewSeconds + 1) * 1000),
    goodUntil: new Date(Math.min(expires.getTime(), (issuedAt + maxTokenAgeSeconds) * 1000)),
  }
}

/** What a subject or `jti` must be. */
export const NAME = '1 to 1024 characters, none a control character'

function readName(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > MAX_NAME_CHARACTERS)
    return undefined
  // They go into lines, headers and databases, none of which takes all of them.
  return /\p{Cc}/u.test(value) ? undefined : value
}

/** Reads when it was issued, and bounds its age, whatever the token's own end. */
function readAge(issuedAt: unknown, now: Date, maxAgeSeconds: number): number {
  if (typeof issuedAt !== 'number') throw mismatch('iat', 'when it was issued', 'none')
  const age = Math.floor(now.getTime() / 1000 - issuedAt)
  if (age > maxAgeSeconds) {
    throw mismatch('iat', `at most ${maxAgeSeconds} s ago, skew included`, `${age} s ago`)
  }
  return issuedAt
}
