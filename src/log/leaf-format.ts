/** Leaves of a transparency log, as far as they are understood: one form of bytes, under a version. */
import { CountersignError } from '../errors.ts'
import { HASHEDREKORD_KIND } from '../formats/hashedrekord.ts'
import { parseJson, readObject } from '../formats/json.ts'
import { LEAF_VERSION } from '../formats/signature-leaf.ts'
import { assertVersion } from '../formats/versions.ts'
import { MAX_ENTRY_BYTES } from './entry-bundle.ts'
import { type KnownLeaf, LEAF, malformedLeaf, type StateLeaf } from './leaf-codecs.ts'
import { assertOneForm, assertWritten, type OneForm, writeOneForm } from './one-form.ts'

/** How the names of our own kinds begin. */
const OWN_KIND = 'countersign-'

const FORM: OneForm<KnownLeaf> = { codec: LEAF, version: 'apiVersion', malformed: malformedLeaf }

/** A leaf, as far as this release understands it. */
export type ReadLeaf =
  | {
      readonly kind: 'known'
      readonly leaf: KnownLeaf
      /** Members that a later release added; nothing rests on them. */
      readonly skipped: readonly string[]
    }
  | { readonly kind: 'unknown'; readonly name: string; readonly why: string }

/** Writes the leaf of a change. */
export function serializeStateLeaf(leaf: StateLeaf): Uint8Array {
  return Buffer.from(writeOneForm(FORM, LEAF_VERSION, leaf))
}

/**
 * Reads a leaf as far as it is understood; it may be attacker-controlled.
 *
 * @throws CountersignError ERR_LOG_PROOF_INVALID — malformed; ERR_JSON_INVALID — not strict JSON;
 * ERR_FORMAT_UNSUPPORTED — of our own, in a later version, which may not be skipped
 */
export function readLeaf(data: Uint8Array): ReadLeaf {
  const reader = readObject(parseJson(data, { maxBytes: MAX_ENTRY_BYTES }), malformedLeaf, 'leaf')
  const [name, version] = [reader.text('kind'), reader.text('apiVersion')]
  const text = Buffer.from(data).toString()
  if (name.startsWith(OWN_KIND)) assertVersion('the leaf', version, LEAF_VERSION)
  else if (!isStockKind(name, version)) return unknownKind(name, `kind "${name}" ${version}`)
  try {
    const leaf = LEAF.read(reader)
    return { kind: 'known', leaf, skipped: assertOneForm(FORM, leaf, reader.json, text) }
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_FORMAT_UNSUPPORTED')) throw error
    assertWritten(FORM, reader.json, text)
    return unknownKind(name, error.message)
  }
}

function isStockKind(name: string, version: string): boolean {
  return name === HASHEDREKORD_KIND.kind && version === HASHEDREKORD_KIND.version
}

function unknownKind(name: string, why: string): ReadLeaf {
  return { kind: 'unknown', name, why }
}
