/**
 * Which claims a key may sign, and what is always set: the rules of one key over what callers ask for.
 * Everything a caller asks for is attacker-controlled; errors name a claim and never its value.
 *
 * @packageDocumentation
 */
import { isDeepStrictEqual } from 'node:util'
import { CountersignError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../formats/json.ts'
import { MAX_CLAIMS_DEPTH } from '../formats/jwt.ts'

/** The rules of one key. */
export interface ClaimRules {
  /** In every token, with these values; callers can't set them. */
  readonly forced: JsonObject
  /** Claims that callers may set; `'any'` for all that are not forbidden. */
  readonly allowed: readonly string[] | 'any'
  readonly forbidden: readonly string[]
  /** Claims without which no token is issued. */
  readonly required: readonly string[]
}

/**
 * Callers set what they like, besides the claims that are always ours.
 *
 * @example
 * ```ts
 * import { FREE_CLAIMS } from 'countersign'
 *
 * const rules = { maxLifetimeSeconds: 600, claims: { ...FREE_CLAIMS, required: ['sub'] } }
 * console.log(rules.claims.allowed) // any
 * ```
 */
export const FREE_CLAIMS: ClaimRules = { forced: {}, allowed: 'any', forbidden: [], required: [] }

/** Whether rules permit nothing that others do not, and add the same: what is issued by them keeps the others too. */
export function areStricterRules(next: ClaimRules, before: ClaimRules): boolean {
  return (
    isDeepStrictEqual(next.forced, before.forced) &&
    (before.allowed === 'any' ||
      (next.allowed !== 'any' && hasAll(before.allowed, next.allowed))) &&
    hasAll(next.forbidden, before.forbidden) &&
    hasAll(next.required, before.required)
  )
}

function hasAll(names: readonly string[], some: readonly string[]): boolean {
  return some.every((name) => names.includes(name))
}

/** Claims that are part of issuing, never of what a caller says. */
const OURS: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'iat', 'nbf', 'jti'])

const LEAVE_OUT =
  'leave it out; the operator of the service decides what the key signs (claims of the key)'
const CHANGE = 'change it, and ask again'

/** The error of claims that are not within the rules: names the claim and says what is wrong with it. */
export function notAllowed(
  claim: string,
  why: string,
  hint: string = CHANGE,
  details: Readonly<Record<string, number>> = {},
): CountersignError<'ERR_CLAIMS_NOT_ALLOWED'> {
  const name = claim.slice(0, 100)
  return new CountersignError('ERR_CLAIMS_NOT_ALLOWED', `the claim "${name}" ${why}`, {
    hint: `${hint}; nothing was issued`,
    details: { claim: name, ...details },
  })
}

/**
 * Applies the rules to the claims a caller asks for.
 *
 * @returns the claims to sign, besides those of issuing
 * @throws {@link CountersignError} ERR_CLAIMS_NOT_ALLOWED — a claim that is not the caller's to set, one that
 * is missing, or a value that can't be signed as it is
 */
export function applyClaimRules(requested: JsonObject, rules: ClaimRules): JsonObject {
  for (const [claim, value] of Object.entries(requested)) {
    assertMaySet(claim, rules)
    assertValue(claim, value, MAX_CLAIMS_DEPTH - 1)
  }
  const claims = { ...requested, ...rules.forced }
  assertSubject(claims)
  const missing = rules.required.find((claim) => !Object.hasOwn(claims, claim))
  if (missing !== undefined)
    throw notAllowed(missing, 'is required and missing', 'add it, and ask again')
  return claims
}

function assertMaySet(claim: string, { forced, allowed, forbidden }: ClaimRules): void {
  if (OURS.has(claim)) throw notAllowed(claim, 'is set by the issuer', LEAVE_OUT)
  if (Object.hasOwn(forced, claim))
    throw notAllowed(claim, 'is set by the rules of the key', LEAVE_OUT)
  if (forbidden.includes(claim))
    throw notAllowed(claim, 'is forbidden by the rules of the key', LEAVE_OUT)
  if (allowed === 'any' || allowed.includes(claim)) return
  throw notAllowed(claim, 'is not among those that the rules of the key allow', LEAVE_OUT)
}

/** Refuses what a verifier would read otherwise than the caller wrote it, or not at all. */
function assertValue(claim: string, value: JsonValue, depth: number): void {
  if (typeof value === 'number' && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) {
    throw notAllowed(claim, 'has a number beyond 2^53, which would be rounded')
  }
  if (typeof value === 'string' && !value.isWellFormed()) {
    throw notAllowed(claim, 'has a text that is no Unicode (half a surrogate pair)')
  }
  if (typeof value !== 'object' || value === null) return
  if (depth === 0) throw notAllowed(claim, `is nested deeper than ${MAX_CLAIMS_DEPTH} levels`)
  for (const member of Object.values(value)) assertValue(claim, member, depth - 1)
}

function assertSubject(claims: JsonObject): void {
  if (!Object.hasOwn(claims, 'sub')) return
  const subject = claims['sub']
  if (typeof subject !== 'string' || subject === '') throw notAllowed('sub', 'is not a text')
}
