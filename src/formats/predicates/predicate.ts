/** The predicate of an attestation, as a user gives it. */
import { CountersignError } from '../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../json.ts'
import { assertPredicate, resolvePredicateType } from './types.ts'

/** Longest predicate that is taken. */
export const MAX_PREDICATE_BYTES: number = 16 * 1024 * 1024

/** A type and a predicate that can be of it. */
export interface PredicateInput {
  readonly predicateType: string
  readonly predicate: JsonObject
  /** The JSON that the predicate was parsed from, without blank space: its numbers as they were written. */
  readonly predicateText?: string
}

/**
 * Parses a predicate.
 *
 * @param type - short name or URI of its type
 * @param name - of its document, for messages
 * @throws {@link CountersignError} ERR_PREDICATE_INVALID — no JSON object, or not of the type; ERR_USAGE — no
 * such type
 */
export function parsePredicate(type: string, bytes: Uint8Array, name: string): PredicateInput {
  const predicateType = resolvePredicateType(type)
  const predicate = parsePredicateDocument(bytes, name)
  assertPredicate(type, predicate)
  assertExactNumbers(predicate)
  return { predicateType, predicate, predicateText: withoutBlanks(bytes) }
}

/** Nothing but blank space outside of texts is taken away, for a number has no other meaning than its digits. */
function withoutBlanks(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8')
  return text.replace(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/g, '$1')
}

function findByteOrderMark([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'UTF-8 with a byte order mark'
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  return isUtf16 ? 'UTF-16' : undefined
}

/**
 * Parses the document that a predicate is, of whatever type.
 *
 * @throws {@link CountersignError} ERR_PREDICATE_INVALID — not a JSON object in UTF-8
 */
export function parsePredicateDocument(bytes: Uint8Array, name: string): JsonObject {
  const hint = 'the predicate is the inner document, one JSON object, without a statement around it'
  const mark = findByteOrderMark(bytes)
  if (mark !== undefined) {
    throw new CountersignError('ERR_PREDICATE_INVALID', `${name} is ${mark}, expected UTF-8`, {
      hint: 'write it without a byte order mark; PowerShell does so with -Encoding utf8NoBOM',
    })
  }
  try {
    const json = parseJson(bytes, { maxBytes: MAX_PREDICATE_BYTES })
    if (isJsonObject(json)) return json
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable'
    throw new CountersignError('ERR_PREDICATE_INVALID', `${name} is no predicate: ${why}`, {
      hint,
      cause,
    })
  }
  throw new CountersignError('ERR_PREDICATE_INVALID', `${name} holds no JSON object`, { hint })
}

/**
 * Refuses numbers that readers round to another (RFC 7493 section 2.2), although their digits would be signed as
 * they are.
 *
 * @throws {@link CountersignError} ERR_PREDICATE_INVALID
 */
export function assertExactNumbers(value: JsonValue): void {
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new CountersignError('ERR_PREDICATE_INVALID', 'the predicate has a number beyond 2^53', {
      hint: 'it would be rounded; write it as a text',
    })
  }
  if (typeof value !== 'object' || value === null) return
  for (const member of Object.values(value)) assertExactNumbers(member)
}
