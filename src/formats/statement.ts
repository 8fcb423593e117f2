/**
 * in-toto Statement v1 and its ResourceDescriptor subjects
 * (in-toto attestation framework, spec/v1/statement.md and resource_descriptor.md). Statements of
 * version 0.1 are read, never written.
 *
 * @packageDocumentation
 */
import { isDeepStrictEqual } from 'node:util'
import { digestHash, digestHex, DIGEST_BYTES, type Digest, isHashName } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue, type ObjectReader } from './json.ts'
import { parseJson, readObject } from './json.ts'
import { parseJsonInTurns } from './json-in-turns.ts'

/** `_type` of the statements countersign writes. */
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
const STATEMENT_TYPES: readonly string[] = [STATEMENT_TYPE, 'https://in-toto.io/Statement/v0.1']

/**
 * DSSE `payloadType` of a statement.
 *
 * @example
 * ```ts
 * import { STATEMENT_PAYLOAD_TYPE } from 'countersign/verify'
 *
 * console.log(STATEMENT_PAYLOAD_TYPE) // application/vnd.in-toto+json
 * ```
 */
export const STATEMENT_PAYLOAD_TYPE = 'application/vnd.in-toto+json'

const MAX_STATEMENT_BYTES = 17 * 1024 * 1024
/** Most subjects of one statement. */
export const MAX_STATEMENT_SUBJECTS = 1024

/** One artifact a statement is about: at least one digest, by algorithm name, value as text. */
export interface Subject {
  readonly name?: string
  readonly digest: Readonly<Record<string, string>>
  readonly annotations?: JsonObject
}

/** A statement: these subjects, and what is said of them. */
export interface Statement {
  readonly type: string
  readonly subjects: readonly Subject[]
  readonly predicateType: string
  readonly predicate: JsonObject
}

/** A statement that is to be written. */
export interface NewStatement extends Omit<Statement, 'type'> {
  /** JSON of the predicate, written into the statement as it is. */
  readonly predicateText?: string
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_STATEMENT_INVALID', `malformed in-toto statement: ${why}`)
}

/** Hex lengths of digests that in-toto names and countersign does not compute. */
const OTHER_DIGEST_BYTES: Readonly<Record<string, number>> = { sha1: 20, sha224: 28, gitCommit: 20 }

/**
 * Parses a statement. The input is attacker-controlled until its envelope has been verified.
 *
 * @throws {@link CountersignError} ERR_STATEMENT_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE
 *
 * @example
 * ```ts
 * import { parseBundle, parseStatement } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const { content } = parseBundle(await readFile('download/app.tar.gz.attestation.json'))
 * if (content.kind === 'dsse') {
 *   console.log(parseStatement(content.envelope.payload).predicateType) // https://example.com/tests/v1
 * }
 * ```
 */
export function parseStatement(bytes: Uint8Array): Statement {
  return readStatement(parseJson(bytes, { maxBytes: MAX_STATEMENT_BYTES }))
}

function readStatement(json: JsonValue): Statement {
  const statement = readObject(json, malformed, 'it')
  const type = statement.text('_type')
  if (!STATEMENT_TYPES.includes(type)) throw malformed('its _type is not Statement v1 or v0.1')
  const subjects = statement.objects('subject').map(readSubject)
  if (subjects.length === 0) throw malformed('it has no subject')
  if (subjects.length > MAX_STATEMENT_SUBJECTS)
    throw malformed(`it has over ${MAX_STATEMENT_SUBJECTS} subjects`)
  const predicateType = statement.text('predicateType')
  // Published statements of version 0.1 exist that leave it empty; no policy names that type.
  if (predicateType === '' && type === STATEMENT_TYPE) throw malformed('its predicateType is empty')
  const predicate = statement.optionalObject('predicate')?.json ?? {}
  return { type, subjects, predicateType, predicate }
}

function readSubject(reader: ObjectReader): Subject {
  const digest = readDigestSet(reader)
  if (Object.keys(digest).length === 0) throw malformed('a subject has no digest')
  const name = reader.optionalText('name')
  const annotations = reader.optionalObject('annotations')?.json
  return {
    ...(name === undefined ? {} : { name }),
    digest,
    ...(annotations === undefined ? {} : { annotations }),
  }
}

/** DigestSet: lower-case hex of the right length for known algorithms, opaque text for others. */
function readDigestSet(reader: ObjectReader): Readonly<Record<string, string>> {
  const set = reader.optionalObject('digest')
  const digests: Record<string, string> = {}
  for (const algorithm of set?.names ?? []) {
    const value = set?.text(algorithm) ?? ''
    const bytes = isHashName(algorithm) ? DIGEST_BYTES[algorithm] : otherDigestBytes(algorithm)
    if (bytes !== undefined && !(value.length === bytes * 2 && /^[0-9a-f]+$/.test(value))) {
      throw malformed('a digest is not lower-case hex of its full length')
    }
    if (value === '') throw malformed('a digest is empty')
    digests[algorithm] = value
  }
  return digests
}

function otherDigestBytes(algorithm: string): number | undefined {
  return Object.hasOwn(OTHER_DIGEST_BYTES, algorithm) ? OTHER_DIGEST_BYTES[algorithm] : undefined
}

/**
 * Checks a ResourceDescriptor: at least one of `name`, `uri`, `digest` and `content`, each of its type.
 *
 * @throws {@link CountersignError} ERR_STATEMENT_INVALID
 */
export function assertResourceDescriptor(value: JsonValue | undefined): void {
  const reader = readObject(value, malformed, 'resource descriptor')
  const digest = readDigestSet(reader)
  const identities = ['name', 'uri', 'content'].map((name) => reader.optionalText(name) ?? '')
  reader.optionalText('downloadLocation')
  reader.optionalText('mediaType')
  reader.optionalObject('annotations')
  if (Object.keys(digest).length === 0 && identities.every((text) => text === '')) {
    throw malformed('a resource descriptor needs a name, a uri, a digest or content')
  }
}

/** Makes a subject of one digest, and a name where there is one. */
export function createSubject(
  digest: Digest,
  options: { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> } = {},
): Subject {
  const { name, annotations } = options
  return {
    ...(name === undefined ? {} : { name }),
    digest: { [digestHash(digest)]: digestHex(digest) },
    ...(annotations === undefined ? {} : { annotations }),
  }
}

/**
 * Writes a statement of version 1 as the bytes to be signed.
 *
 * @throws {@link CountersignError} ERR_STATEMENT_INVALID — what it would write does not parse, or one
 * subject is named twice
 */
export function serializeStatement(statement: NewStatement): Uint8Array {
  const bytes = writeStatement(statement)
  assertSamePredicate(parseStatement(bytes), statement)
  return bytes
}

/**
 * The same, giving others their turn while a long predicate is checked.
 *
 * @throws {@link CountersignError} as {@link serializeStatement}
 */
export async function serializeStatementInTurns(statement: NewStatement): Promise<Uint8Array> {
  const bytes = writeStatement(statement)
  const json = await parseJsonInTurns(bytes, { maxBytes: MAX_STATEMENT_BYTES })
  assertSamePredicate(readStatement(json), statement)
  return bytes
}

function writeStatement(statement: NewStatement): Uint8Array {
  const { subjects, predicateType, predicate, predicateText } = statement
  if (!isJsonObject(predicate)) throw malformed('its predicate is not an object')
  const identities = subjects.map(({ name, digest }) => JSON.stringify([name ?? null, digest]))
  if (new Set(identities).size !== identities.length) throw malformed('a subject is named twice')
  const head = JSON.stringify({ _type: STATEMENT_TYPE, subject: subjects, predicateType })
  // A text of the predicate is signed as it is: written again, 7.0 would become 7.
  return Buffer.from(
    `${head.slice(0, -1)},"predicate":${predicateText ?? JSON.stringify(predicate)}}`,
  )
}

/** Refuses a text that, put into the statement, says something else than its predicate. */
function assertSamePredicate(written: Statement, { predicate, predicateText }: NewStatement): void {
  if (predicateText === undefined || isDeepStrictEqual(written.predicate, predicate)) return
  throw malformed('the text of its predicate says something else')
}
