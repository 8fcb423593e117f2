/** The predicate of an attestation, as a user gives it. */
import { CountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../src/formats/json.ts'
import { assertPredicate, resolvePredicateType } from '../src/formats/predicates/types.ts'
import type { Context } from './context.ts'
import { readStdinBounded } from './stdin.ts'

const MAX_PREDICATE_BYTES = 16 * 1024 * 1024

/** A type and a predicate that can be of it. */
export interface PredicateInput {
  readonly predicateType: string
  readonly predicate: JsonObject
}

/**
 * Reads a predicate from a file, or from standard input (`-`).
 *
 * @param type - short name or URI of its type
 * @throws {@link CountersignError} ERR_PREDICATE_INVALID — no JSON object, or not of the type;
 * ERR_INPUT_TOO_LARGE — over 16 MiB; ERR_FILE_READ; ERR_USAGE — no such type
 */
export async function readPredicate(
  type: string,
  path: string,
  context: Context,
): Promise<PredicateInput> {
  const predicateType = resolvePredicateType(type)
  const bytes =
    path === '-'
      ? await readStdinBounded(context, MAX_PREDICATE_BYTES, 'predicate')
      : await readFileBounded(path, MAX_PREDICATE_BYTES)
  const predicate = parsePredicate(bytes, path)
  assertPredicate(type, predicate)
  assertExactNumbers(predicate)
  return { predicateType, predicate }
}

function parsePredicate(bytes: Uint8Array, path: string): JsonObject {
  const name = path === '-' ? 'standard input' : `"${path}"`
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
