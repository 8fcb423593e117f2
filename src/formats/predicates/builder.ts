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

/** A predicate names one builder; more are a way to hide one among them. */
const MAX_BUILDERS = 4

/** Members that name a builder, and members of a builder that say which it is, in lower case. */
const BUILDER = new Set(['builder', 'builderid'])
const IDENTITY = new Set(['id', 'uri', 'url', 'name'])

/**
 * Refuses a predicate of a caller's that names the service as its builder, however that is written. Readers
 * differ in what they take for equal, so anything at the service's host counts, and so does a name that
 * begins with its address.
 *
 * @param issuer - address of the service
 * @throws {@link CountersignError} ERR_NOT_ALLOWED
 */
export function assertForeignBuilder(predicate: JsonObject, issuer: string): void {
  const names = findBuilders(predicate)
  if (names.length > MAX_BUILDERS) throw refused(`it names ${names.length} builders`)
  for (const name of names) {
    const reading = readLeniently(name)
    if (reading === undefined) throw refused('the id of its builder is not plain')
    if (isOf(reading, issuer)) throw refused(`the builder "${name}" is this service`)
  }
}

function refused(why: string): CountersignError {
  return new CountersignError('ERR_NOT_ALLOWED', `cannot attest this predicate: ${why}`, {
    hint: 'let the service make the provenance ("provenance": true), or name the builder that made the artifact by one plain URI',
  })
}

/**
 * Builders of SLSA provenance of every version (`builder`, `runDetails.builder`) and of what looks like it.
 * Names count in any case: Go's decoder, for one, takes `Builder` for `builder`.
 */
function findBuilders(predicate: JsonObject): readonly string[] {
  const objects = [predicate, ...Object.values(predicate).filter(isJsonObject)]
  return objects.flatMap((object) => membersOf(object, BUILDER)).flatMap(namesOf)
}

function namesOf(builder: JsonValue): readonly string[] {
  if (typeof builder === 'string') return [builder]
  if (Array.isArray(builder)) return builder.flatMap(namesOf)
  return isJsonObject(builder)
    ? membersOf(builder, IDENTITY).filter((value) => typeof value === 'string')
    : []
}

function membersOf(object: JsonObject, names: ReadonlySet<string>): readonly JsonValue[] {
  return Object.entries(object).flatMap(([name, value]) =>
    names.has(name.toLowerCase()) ? [value] : [],
  )
}

function isOf({ texts, places }: LenientReading, issuer: string): boolean {
  const { host } = placeOf(new URL(issuer))
  const prefix = issuer.replace(/\/+$/, '').toLowerCase()
  return (
    places.some((place) => place.host === host) || texts.some((text) => text.startsWith(prefix))
  )
}
