/**
 * JWT claims (RFC 7519) in a compact JWS.
 *
 * @packageDocumentation
 */
import type { JsonObject, JsonValue } from './json.ts'
import {
  type CompactJws,
  malformedMember,
  parseJws,
  parseTokenObject,
  readTokenText,
} from './jws.ts'

/** The registered claims (RFC 7519 section 4.1) as values, and all claims as they are. */
export interface Claims {
  readonly issuer: string | undefined
  readonly subject: string | undefined
  /** One or more; undefined where the claim is absent. */
  readonly audience: readonly string[] | undefined
  readonly expires: Date | undefined
  readonly notBefore: Date | undefined
  readonly issuedAt: Date | undefined
  readonly jti: string | undefined
  readonly json: JsonObject
}

/** A token, taken apart; nothing of it is verified. */
export interface Jwt extends CompactJws {
  readonly claims: Claims
}

/** Nesting of claims that is read and issued. */
export const MAX_CLAIMS_DEPTH = 16
const MAX_AUDIENCES = 100
/** The end of the year 9999, in seconds. */
const LAST_SECOND = 253_402_300_799

/**
 * Takes a token apart; the text is attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_JWT_INVALID — as parseJws, or claims of a wrong type
 *
 * @example
 * ```ts
 * import { parseJwt } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * // Reading proves nothing: verifyToken does.
 * console.log(parseJwt(await readFile('session.jwt', 'utf8')).header.alg) // ES256
 * ```
 */
export function parseJwt(text: string): Jwt {
  const jws = parseJws(text)
  return { ...jws, claims: readClaims(jws.payload) }
}

function readClaims(payload: Uint8Array): Claims {
  const json = parseTokenObject(payload, 'payload', { maxDepth: MAX_CLAIMS_DEPTH })
  return {
    issuer: readTokenText(json, 'iss'),
    subject: readTokenText(json, 'sub'),
    audience: readAudience(json),
    // A part of a second counts against the token, whichever bound it is.
    expires: readNumericDate(json, 'exp', Math.floor),
    notBefore: readNumericDate(json, 'nbf', Math.ceil),
    issuedAt: readNumericDate(json, 'iat', Math.ceil),
    jti: readTokenText(json, 'jti'),
    json,
  }
}

function readAudience(json: JsonObject): readonly string[] | undefined {
  if (!Object.hasOwn(json, 'aud')) return undefined
  const value = json['aud']
  if (typeof value === 'string') return [value]
  if (isTexts(value) && value.length > 0 && value.length <= MAX_AUDIENCES) return value
  throw malformedMember('aud', 'neither a text nor a short list of texts')
}

function isTexts(value: JsonValue | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function readNumericDate(
  json: JsonObject,
  name: string,
  round: (milliseconds: number) => number,
): Date | undefined {
  if (!Object.hasOwn(json, name)) return undefined
  const seconds = json[name]
  if (typeof seconds === 'number' && seconds >= 0 && seconds <= LAST_SECOND) {
    return new Date(round(seconds * 1000))
  }
  throw malformedMember(name, 'not a time in seconds')
}

/** Tells a moment in whole seconds, as claims do (NumericDate). */
export function toNumericDate(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
