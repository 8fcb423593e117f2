/**
 * Who may be named as the builder of an artifact. The provenance of a service names a builder below its
 * own address, and nothing that a caller wrote does: so the name alone tells the two apart, for every
 * reader of the attestation.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { type LenientReading, placeOf, readLeniently } from '../lenient-uri.ts'

/** Builder id of the provenance that a service makes for jobs of GitHub Actions. */
export function githubBuilderId(issuer: string): string {
  return `${issuer.replace(/\/+$/, '')}/builders/github-actions`
}

/** A predicate has one builder; a long list of them could hide ours, and would take long to read. */
const MAX_AUTHORS = 4

/** Members that name who built or verified, and members of those that say who it is; see {@link fold}. */
const AUTHOR = new Set(['builder', 'builderid', 'verifier', 'verifierid'])
const IDENTITY = new Set(['id', 'uri', 'url', 'name'])

/**
 * Refuses a predicate of a caller's that names the service as its builder, or its verifier (as SLSA's
 * verification summaries do), however that is written. Readers differ in what they take for equal, so anything
 * at the service's host counts, and so does a name that begins with its address.
 *
 * @param issuer - address of the service
 * @throws {@link CountersignError} ERR_NOT_ALLOWED
 */
export function assertForeignAuthor(predicate: JsonObject, issuer: string): void {
  const names = findAuthors(predicate)
  if (names.length > MAX_AUTHORS) throw refused(`it names ${names.length} builders`)
  for (const name of names) {
    const reading = readLeniently(name)
    if (reading === undefined) throw refused('the id of its builder is not plain')
    if (isOf(reading, issuer)) throw refused(`"${name.slice(0, 200)}" in it is this service`)
  }
}

function refused(why: string): CountersignError {
  return new CountersignError('ERR_NOT_ALLOWED', `cannot attest this predicate: ${why}`, {
    hint: 'let the service make the provenance ("provenance": true), or name the builder that made the artifact by one plain URI',
  })
}

/**
 * Builders of SLSA provenance of every version (`builder`, `runDetails.builder`) and of what looks like it.
 * Names count in any form: Go's decoders take `Builder` for `builder`, and `run_details` for `runDetails`.
 */
function findAuthors(predicate: JsonObject): readonly string[] {
  const objects = [predicate, ...Object.values(predicate).filter(isJsonObject)]
  return objects.flatMap((object) => membersOf(object, AUTHOR)).flatMap(namesOf)
}

function namesOf(author: JsonValue): readonly string[] {
  if (typeof author === 'string') return [author]
  if (Array.isArray(author)) return author.flatMap(namesOf)
  return isJsonObject(author)
    ? membersOf(author, IDENTITY).filter((value) => typeof value === 'string')
    : []
}

function membersOf(object: JsonObject, names: ReadonlySet<string>): readonly JsonValue[] {
  return Object.entries(object).flatMap(([name, value]) => (names.has(fold(name)) ? [value] : []))
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '')
}

function isOf({ texts, places }: LenientReading, issuer: string): boolean {
  const { host } = placeOf(new URL(issuer))
  const prefix = issuer.replace(/\/+$/, '').toLowerCase()
  return (
    places.some((place) => place.host === host) || texts.some((text) => text.startsWith(prefix))
  )
}
