/** What an attestation says: provenance unless another predicate, or an SBOM, is given. */
import { CountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import {
  MAX_PREDICATE_BYTES,
  parsePredicate,
  parsePredicateDocument,
  type PredicateInput,
} from '../src/formats/predicates/predicate.ts'
import { type InputReader, usage } from './input-reader.ts'
import { type PathContext, stepPath } from './step-path.ts'

/** Where the predicate comes from. */
export type PredicateChoice =
  | { readonly kind: 'provenance' }
  | { readonly kind: 'sbom'; readonly path: string }
  | { readonly kind: 'file'; readonly type: string; readonly path: string }
  | { readonly kind: 'text'; readonly type: string; readonly text: string }

/**
 * Reads `sbom-path`, `predicate-type`, `predicate` and `predicate-path`.
 *
 * @throws {@link CountersignError} ERR_USAGE — inputs that don't fit each other, or the mode
 */
export function readPredicateChoice(mode: 'sign' | 'attest', reader: InputReader): PredicateChoice {
  const sbom = reader.text('sbom-path')
  const type = reader.text('predicate-type')
  const [text, path] = [reader.text('predicate'), reader.text('predicate-path')]
  const isGiven = [sbom, type, text, path].some((value) => value !== undefined)
  if (!isGiven) return { kind: 'provenance' }
  if (mode === 'sign') throw usage('a signature has no predicate', 'set mode to attest')
  if (sbom !== undefined) {
    if (type === undefined && text === undefined && path === undefined)
      return { kind: 'sbom', path: sbom }
    throw usage('sbom-path and another predicate are given', 'its type is read from the SBOM')
  }
  if (type === undefined) throw usage('the predicate has no type', 'set predicate-type')
  if (text !== undefined && path !== undefined)
    throw usage('predicate and predicate-path are given', 'choose one of them')
  if (text !== undefined) return { kind: 'text', type, text }
  if (path !== undefined) return { kind: 'file', type, path }
  throw usage('predicate-type is given without a predicate', 'set predicate or predicate-path')
}

/**
 * Reads the predicate; `provenance` is left for the signer to generate.
 *
 * @throws {@link CountersignError} ERR_PREDICATE_INVALID — no JSON object, not of its type, or no SBOM;
 * ERR_USAGE — no such type; ERR_FILE_READ, ERR_INPUT_TOO_LARGE
 */
export async function readStepPredicate(
  choice: PredicateChoice,
  context: PathContext,
): Promise<PredicateInput | 'provenance'> {
  switch (choice.kind) {
    case 'provenance':
      return 'provenance'
    case 'text':
      return parsePredicate(choice.type, Buffer.from(choice.text), 'the input predicate')
    case 'file': {
      const bytes = await readFileBounded(await stepPath(choice.path, context), MAX_PREDICATE_BYTES)
      return parsePredicate(choice.type, bytes, `"${choice.path}"`)
    }
    case 'sbom': {
      const bytes = await readFileBounded(await stepPath(choice.path, context), MAX_PREDICATE_BYTES)
      return parsePredicate(sbomType(bytes, choice.path), bytes, `"${choice.path}"`)
    }
  }
}

/** SPDX has a type for each of its versions, as actions/attest writes them. */
function sbomType(bytes: Uint8Array, path: string): string {
  const sbom = parsePredicateDocument(bytes, `"${path}"`)
  const { spdxVersion, SPDXID, bomFormat, specVersion } = sbom
  if (typeof spdxVersion === 'string' && typeof SPDXID === 'string') {
    const [, version] = /^SPDX-(\d+\.\d+(?:\.\d+)?)$/.exec(spdxVersion) ?? []
    if (version !== undefined) return `https://spdx.dev/Document/v${version}`
  }
  if (bomFormat === 'CycloneDX' && typeof specVersion === 'string') return 'cyclonedx'
  if (Object.hasOwn(sbom, '@graph')) {
    throw new CountersignError('ERR_PREDICATE_INVALID', `"${path}" is SPDX 3, expected SPDX 2`, {
      hint: `set predicate-type to https://spdx.dev/Document/v3 and predicate-path to ${path}, without sbom-path`,
    })
  }
  throw new CountersignError('ERR_PREDICATE_INVALID', `"${path}" is no SBOM that is known`, {
    hint: 'give an SPDX or CycloneDX document in JSON, or set predicate-type and predicate-path',
  })
}
