/** The one form of a document in a log: no white space, its version first, then its members in their order. */
import type { Codec } from '../formats/fields.ts'
import type { JsonObject, JsonValue, Malformed } from '../formats/json.ts'

/** How documents of one kind are written. */
export interface OneForm<T> {
  readonly codec: Codec<T>
  /** Name of the member that has the version. */
  readonly version: string
  readonly malformed: Malformed
}

/** Writes a document. */
export function writeOneForm<T>(form: OneForm<T>, version: JsonValue, value: T): string {
  return join(form, version, form.codec.write(value))
}

/**
 * Makes sure that a document has its one form: what is known, written again, is the same text.
 *
 * @param value - what was read of it
 * @returns paths of the members that are not known, which may stand anywhere behind the version
 * @throws CountersignError — the error of the form
 */
export function assertOneForm<T>(
  form: OneForm<T>,
  value: T,
  json: JsonObject,
  text: string,
): readonly string[] {
  const { [form.version]: version = null, ...members } = json
  const written = writeOneForm(form, version, value)
  if (written === text) return []
  const skipped: string[] = []
  if (join(form, version, form.codec.prune(members, skipped)) !== written) throw otherForm(form)
  assertWritten(form, json, text)
  return skipped
}

/**
 * Makes sure of what can be known of a document that is not understood: no white space, its version first.
 *
 * @throws CountersignError — the error of the form
 */
export function assertWritten<T>(form: OneForm<T>, json: JsonObject, text: string): void {
  const { [form.version]: version = null, ...members } = json
  if (join(form, version, members) !== text) throw otherForm(form)
}

function join<T>(form: OneForm<T>, version: JsonValue, members: JsonObject): string {
  return JSON.stringify({ [form.version]: version, ...members })
}

function otherForm<T>({ malformed }: OneForm<T>): Error {
  return malformed('it is not in its one form')
}
