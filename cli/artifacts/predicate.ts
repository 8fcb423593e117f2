/** The predicate of an attestation, as a user gives it. */
import { readFileBounded } from '../../src/files.ts'
import {
  MAX_PREDICATE_BYTES,
  parsePredicate,
  type PredicateInput,
} from '../../src/formats/predicates/predicate.ts'
import { resolvePredicateType } from '../../src/formats/predicates/types.ts'
import type { Context } from '../context.ts'
import { readStdinBounded } from '../terminal/stdin.ts'

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
  // Before anything is read: a wrong name is known at once.
  resolvePredicateType(type)
  const bytes =
    path === '-'
      ? await readStdinBounded(context, MAX_PREDICATE_BYTES, 'predicate')
      : await readFileBounded(path, MAX_PREDICATE_BYTES)
  return parsePredicate(type, bytes, path === '-' ? 'standard input' : `"${path}"`)
}
