/**
 * Predicate types by the short names cosign users know, and what each predicate must at least be.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'
import type { JsonObject } from '../json.ts'
import { readLeniently } from '../lenient-uri.ts'
import { assertSlsaProvenance } from './slsa-provenance.ts'

/**
 * Predicate type of an image signature (cosign 3).
 *
 * @example
 * ```ts
 * import { SIGN_PREDICATE_TYPE } from 'countersign/verify'
 *
 * console.log(SIGN_PREDICATE_TYPE) // https://sigstore.dev/cosign/sign/v1
 * ```
 */
export const SIGN_PREDICATE_TYPE = 'https://sigstore.dev/cosign/sign/v1'

interface PredicateKind {
  readonly uri: string
  /** Throws where the predicate can't be of this type. */
  readonly check?: (predicate: JsonObject) => void
}

function requireMembers(name: string, members: Readonly<Record<string, RegExp>>) {
  return (predicate: JsonObject): void => {
    for (const [member, pattern] of Object.entries(members)) {
      const value = Object.hasOwn(predicate, member) ? predicate[member] : undefined
      if (typeof value === 'string' && pattern.test(value)) continue
      throw new CountersignError(
        'ERR_PREDICATE_INVALID',
        `not a predicate of type ${name}: "${member}" is missing or has another value`,
        { hint: 'name the type that the predicate is of, or fix the predicate' },
      )
    }
  }
}

/** Short names of predicate types; anything else is given as its URI. */
const KINDS: Readonly<Record<string, PredicateKind>> = {
  slsaprovenance1: { uri: 'https://slsa.dev/provenance/v1', check: assertSlsaProvenance },
  slsaprovenance02: { uri: 'https://slsa.dev/provenance/v0.2' },
  slsaprovenance: { uri: 'https://slsa.dev/provenance/v0.2' },
  spdxjson: {
    uri: 'https://spdx.dev/Document',
    check: (predicate) => {
      assertNotSpdx3(predicate)
      requireMembers('spdxjson', { spdxVersion: /^SPDX-/, SPDXID: /./ })(predicate)
    },
  },
  spdx: { uri: 'https://spdx.dev/Document' },
  cyclonedx: {
    uri: 'https://cyclonedx.org/bom',
    check: requireMembers('cyclonedx', { bomFormat: /^CycloneDX$/, specVersion: /./ }),
  },
  openvex: {
    uri: 'https://openvex.dev/ns',
    check: requireMembers('openvex', { '@context': /^https:\/\/openvex\.dev\/ns/ }),
  },
  vuln: { uri: 'https://cosign.sigstore.dev/attestation/vuln/v1' },
  link: { uri: 'https://in-toto.io/Link/v1' },
  custom: { uri: 'https://cosign.sigstore.dev/attestation/v1' },
}

/**
 * The short names, for help and completion.
 *
 * @example
 * ```ts
 * import { PREDICATE_NAMES } from 'countersign/verify'
 *
 * console.log(PREDICATE_NAMES.includes('slsaprovenance1')) // true
 * ```
 */
export const PREDICATE_NAMES: readonly string[] = Object.keys(KINDS)

/**
 * Resolves a short name or a URI to the predicate type it stands for.
 *
 * @throws {@link CountersignError} ERR_USAGE — neither a known short name nor a URI
 *
 * @example
 * ```ts
 * import { resolvePredicateType } from 'countersign/verify'
 *
 * console.log(resolvePredicateType('slsaprovenance1')) // https://slsa.dev/provenance/v1
 * ```
 */
export function resolvePredicateType(nameOrUri: string): string {
  const kind = Object.hasOwn(KINDS, nameOrUri) ? KINDS[nameOrUri] : undefined
  if (kind !== undefined) return kind.uri
  if (/^[a-z][a-z0-9+.-]*:\S+$/i.test(nameOrUri)) return nameOrUri
  throw new CountersignError('ERR_USAGE', `unknown predicate type "${nameOrUri}"`, {
    hint: `choose one of ${PREDICATE_NAMES.join(', ')}, or give the type's URI`,
  })
}

/** The short name of a predicate type, where it has one; else the type, quoted if it could pass for a short name. */
export function predicateName(predicateType: string): string {
  const known = PREDICATE_NAMES.find((name) => KINDS[name]?.uri === predicateType)
  return known ?? (predicateType.includes(':') ? predicateType : `"${predicateType}"`)
}

/**
 * Refuses a predicate that can't be of the named type. Types given by URI are not looked into.
 *
 * @throws {@link CountersignError} ERR_PREDICATE_INVALID
 */
export function assertPredicate(nameOrUri: string, predicate: JsonObject): void {
  assertNotOtherSbom(nameOrUri, predicate)
  if (Object.hasOwn(KINDS, nameOrUri)) KINDS[nameOrUri]?.check?.(predicate)
}

/** Readers of the short name expect SPDX 2, whose document has other members. */
function assertNotSpdx3(predicate: JsonObject): void {
  if (!Object.hasOwn(predicate, '@graph')) return
  throw new CountersignError(
    'ERR_PREDICATE_INVALID',
    'not a predicate of type spdxjson: the document is SPDX 3, expected SPDX 2',
    { hint: 'give its type as a URI: https://spdx.dev/Document/v3' },
  )
}

/** Types of each kind of SBOM, with or without a version, and the member by which its documents are known. */
const SBOMS = [
  { name: 'SPDX', type: /^https:\/\/spdx\.dev\/Document(?:\/|$)/, has: isSpdx },
  { name: 'CycloneDX', type: /^https:\/\/cyclonedx\.org\/bom(?:\/|$)/, has: isCycloneDx },
] as const

function isSpdx(predicate: JsonObject): boolean {
  return Object.hasOwn(predicate, 'spdxVersion') || Object.hasOwn(predicate, '@graph')
}

function isCycloneDx(predicate: JsonObject): boolean {
  return predicate['bomFormat'] === 'CycloneDX'
}

function assertNotOtherSbom(nameOrUri: string, predicate: JsonObject): void {
  const type = resolvePredicateType(nameOrUri)
  const expected = SBOMS.find((one) => one.type.test(type))
  const other = SBOMS.find((one) => one !== expected && one.has(predicate))
  if (expected === undefined || other === undefined || expected.has(predicate)) return
  throw new CountersignError(
    'ERR_PREDICATE_INVALID',
    `not a predicate of type ${nameOrUri}: the document is ${other.name}, expected ${expected.name}`,
    { hint: `give the type of the document, or the ${expected.name} document` },
  )
}

/** Every version of the type of plain signatures. */
const SIGN_PLACE = { host: 'sigstore.dev', path: '/cosign/sign' }

/**
 * Refuses the predicate type of plain signatures, however it is written.
 *
 * @throws {@link CountersignError} ERR_NOT_ALLOWED
 */
export function assertNotSignatureType(predicateType: string): void {
  const reading = readLeniently(predicateType)
  const isSignature = reading?.places.some(
    ({ host, path }) => host === SIGN_PLACE.host && `${path}/`.startsWith(`${SIGN_PLACE.path}/`),
  )
  if (isSignature === false) return
  throw new CountersignError(
    'ERR_NOT_ALLOWED',
    `cannot attest the predicate type "${predicateType}": it means, or may be taken for, a plain signature`,
    {
      hint: 'sign the artifact instead: POST /v1/keys/{key}/signatures at a service',
      reason: 'type-of-signatures',
    },
  )
}
