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
  const predicate = parseDocument(bytes, name)
  assertPredicate(type, predicate)
  assertExactNumbers(predicate)
  return { predicateType, predicate }
}

function parseDocument(bytes: Uint8Array, name: string): JsonObject {
  const hint = 'the predicate is the inner document, one JSON object, without a statement around it'
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

/** A number that JavaScript rounds would be signed as another than was given (RFC 7493 section 2.2). */
function assertExactNumbers(value: JsonValue): void {
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new CountersignError('ERR_PREDICATE_INVALID', 'the predicate has a number beyond 2^53', {
      hint: 'it would be rounded; write it as a text',
    })
  }
  if (typeof value !== 'object' || value === null) return
  for (const member of Object.values(value)) assertExactNumbers(member)
}
