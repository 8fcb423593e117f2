/**
 * JWS in its compact form (RFC 7515 section 7.1), with one text for one meaning: canonical base64url
 * without padding, no member twice. Deliberately not there: the JSON forms, unencoded payloads (RFC 7797)
 * and every critical extension; keys inside the header (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.
 *
 * @packageDocumentation
 */
import { decodeBase64Url, encodeBase64Url } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import { isJsonObject, type JsonLimits, type JsonObject, parseJson } from './json.ts'

/** The protected header, untrusted until the signature is verified. */
export interface JoseHeader {
  /** What the token says it was signed with: compared with the key's own, never followed. */
  readonly alg: string
  readonly kid: string | undefined
  readonly typ: string | undefined
  /** All members. */
  readonly json: JsonObject
}

/** A compact JWS, taken apart; nothing of it is verified. */
export interface CompactJws {
  readonly header: JoseHeader
  readonly payload: Uint8Array
  /** ECDSA as P1363. */
  readonly signature: Uint8Array
  /** What the signature is over: the first two parts with the dot between them. */
  readonly signingInput: Uint8Array
}

/** Longest token that is read, in characters; HTTP servers take a fraction of it in a header. */
export const MAX_TOKEN_CHARACTERS = 65_536
const MAX_HEADER_CHARACTERS = 16_384
const HEADER_DEPTH = 8

/** The one error of a text that is not a token; the reason never quotes it. */
function malformedToken(why: string, cause?: unknown): CountersignError<'ERR_JWT_INVALID'> {
  return new CountersignError('ERR_JWT_INVALID', `malformed token: ${why}`, {
    hint: 'a token is three parts of base64url, joined by dots; copy it whole, without blanks',
    cause,
  })
}

/** The error of a member that has another type than it must; its value is never quoted. */
export function malformedMember(name: string, why: string): CountersignError<'ERR_JWT_INVALID'> {
  return new CountersignError('ERR_JWT_INVALID', `malformed token: "${name}" is ${why}`, {
    hint: 'ask the issuer of the token to fix it: RFC 7519 section 4 defines the types of claims',
  })
}

/**
 * Takes a compact JWS apart; the text is attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_JWT_INVALID — too long, not three parts of canonical base64url, not
 * signed at all, or a header that is malformed or makes demands (`crit`, `b64`)
 *
 * @example
 * ```ts
 * import { parseJws } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * console.log(parseJws(await readFile('session.jwt', 'utf8')).header.alg) // ES256
 * ```
 */
export function parseJws(text: string): CompactJws {
  if (text.length > MAX_TOKEN_CHARACTERS) {
    throw malformedToken(`over ${MAX_TOKEN_CHARACTERS} characters`)
  }
  const [first = '', second, third, more] = text.split('.', 4)
  if (second === undefined || third === undefined || more !== undefined) {
    throw malformedToken('not three parts')
  }
  if (first.length > MAX_HEADER_CHARACTERS) {
    throw malformedToken(`a header of over ${MAX_HEADER_CHARACTERS} characters`)
  }
  const header = readHeader(decodePart(first, 'header'))
  if (third === '') throw malformedToken('it is not signed')
  return {
    header,
    payload: decodePart(second, 'payload'),
    signature: decodePart(third, 'signature'),
    signingInput: Buffer.from(`${first}.${second}`, 'latin1'),
  }
}

function decodePart(text: string, name: string): Uint8Array {
  const bytes = decodeBase64Url(text)
  if (bytes !== undefined) return bytes
  throw malformedToken(`the ${name} is not canonical base64url without padding`)
}

function readHeader(bytes: Uint8Array): JoseHeader {
  const json = parseTokenObject(bytes, 'header', { maxDepth: HEADER_DEPTH })
  // A critical extension may change what the signature means (RFC 7515 section 4.1.11).
  if (Object.hasOwn(json, 'crit')) throw malformedToken('an unknown critical extension')
  if (Object.hasOwn(json, 'b64') && json['b64'] !== true) {
    throw malformedToken('an unencoded payload')
  }
  const alg = readTokenText(json, 'alg')
  if (alg === undefined) throw malformedToken('it names no algorithm')
  return { alg, kid: readTokenText(json, 'kid'), typ: readTokenText(json, 'typ'), json }
}

/**
 * Parses a part of a token that must be one JSON object.
 *
 * @throws {@link CountersignError} ERR_JWT_INVALID
 */
export function parseTokenObject(bytes: Uint8Array, name: string, limits: JsonLimits): JsonObject {
  try {
    const json = parseJson(bytes, limits)
    if (isJsonObject(json)) return json
  } catch (cause) {
    const why = CountersignError.is(cause) ? cause.message : 'unreadable'
    throw malformedToken(`the ${name} is no JSON object (${why})`, cause)
  }
  throw malformedToken(`the ${name} is no JSON object`)
}

/**
 * Reads a member that is a text or absent; `null` is neither.
 *
 * @throws {@link CountersignError} ERR_JWT_INVALID
 */
export function readTokenText(json: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(json, name) ? json[name] : undefined
  if (value === undefined || typeof value === 'string') return value
  throw malformedMember(name, 'not a text')
}

/** Writes what is to be signed: header and payload, encoded and joined. */
export function serializeSigningInput(header: JsonObject, payload: Uint8Array): Uint8Array {
  const parts = [Buffer.from(JSON.stringify(header)), payload]
  return Buffer.from(parts.map(encodeBase64Url).join('.'), 'latin1')
}

/** Joins what was signed and its signature to a compact JWS. */
export function serializeJws(signingInput: Uint8Array, signature: Uint8Array): string {
  return `${Buffer.from(signingInput).toString('latin1')}.${encodeBase64Url(signature)}`
}
