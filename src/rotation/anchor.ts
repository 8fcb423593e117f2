/**
 * The anchor: what a store must not fall behind, kept outside of it. A store that was restored from an older
 * backup contradicts nothing in itself; only what is remembered elsewhere shows that it is older.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import {
  among,
  type Codec,
  COUNT,
  type Field,
  listOfRecords,
  record,
  skippedIn,
  TEXT,
  TIME,
} from '../formats/fields.ts'
import { parseJson, readObject } from '../formats/json.ts'
import { assertVersion, unsupportedFormat } from '../formats/versions.ts'
import { LOG_ROLES, type LogRole } from '../log/log-roles.ts'

/** How far a log was when it was last looked at. */
export interface AnchoredLog {
  readonly log: LogRole
  readonly origin: string
  readonly size: number
  /** Root of the tree of that size, 32 bytes. */
  readonly root: Uint8Array
}

/** What was once true of a store, and stays true of it for ever. */
export interface Anchor {
  /** Of the newest publication. */
  readonly sequence: number
  /** One for each name that each log had; the newest name of a log behind its earlier ones. */
  readonly logs: readonly AnchoredLog[]
  /** Since when the signatures of each revoked version do not count, by kid. */
  readonly revoked: ReadonlyMap<string, Date>
}

/** The anchor of a store in which nothing has happened. */
export const EMPTY_ANCHOR: Anchor = { sequence: 0, logs: [], revoked: new Map() }

/** Longest text of an anchor: some 40,000 revocations. */
export const MAX_ANCHOR_BYTES: number = 4 * 1024 * 1024

const VERSION = 1
const ROOT_BYTES = 32

/** What two anchors of one store say together: of each number the larger, of each revocation the earlier. */
export function mergeAnchors(one: Anchor, other: Anchor): Anchor {
  const logs = new Map(one.logs.map((log) => [identityOf(log), log]))
  for (const log of other.logs) {
    const known = logs.get(identityOf(log))
    if (known === undefined || known.size < log.size) logs.set(identityOf(log), log)
  }
  const revoked = new Map(one.revoked)
  for (const [kid, since] of other.revoked) {
    const known = revoked.get(kid)
    if (known === undefined || since < known) revoked.set(kid, since)
  }
  const sequence = Math.max(one.sequence, other.sequence)
  return { sequence, logs: [...logs.values()], revoked }
}

function identityOf({ log, origin }: AnchoredLog): string {
  return `${log} ${origin}`
}

interface Revocation {
  readonly kid: string
  readonly compromisedSince: Date
}

/** An anchor as it is written. */
interface Document extends Pick<Anchor, 'sequence' | 'logs'> {
  readonly version: number
  readonly revoked: readonly Revocation[]
}

const ROOT: Field<Uint8Array> = {
  read: (reader, name) => {
    const root = decodeBase64(reader.text(name))
    if (root?.length !== ROOT_BYTES) throw malformed('a root is not 32 bytes in base64')
    return root
  },
  write: encodeBase64,
}

const LOG = record<AnchoredLog>({ log: among(...LOG_ROLES), origin: TEXT, size: COUNT, root: ROOT })

const DOCUMENT: Codec<Document> = record<Document>({
  version: COUNT,
  sequence: COUNT,
  logs: listOfRecords(LOG),
  revoked: listOfRecords(record<Revocation>({ kid: TEXT, compromisedSince: TIME })),
})

/** Writes an anchor as JSON; the same anchor is the same text. */
export function serializeAnchor({ sequence, logs, revoked }: Anchor): string {
  const revocations = [...revoked]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([kid, compromisedSince]) => ({ kid, compromisedSince }))
  const document = DOCUMENT.write({ version: VERSION, sequence, logs, revoked: revocations })
  return `${JSON.stringify(document, undefined, 2)}\n`
}

/**
 * Parses an anchor.
 *
 * @throws {@link CountersignError} ERR_FILE_READ — not an anchor; ERR_FORMAT_UNSUPPORTED — one of a later release,
 * of which nothing is skipped, since it would be lost when the anchor is written again; ERR_JSON_INVALID
 */
export function parseAnchor(text: Uint8Array): Anchor {
  const reader = readObject(parseJson(text, { maxBytes: MAX_ANCHOR_BYTES }), malformed, 'anchor')
  assertVersion('the anchor', reader.count('version'), VERSION)
  const { sequence, logs, revoked } = DOCUMENT.read(reader)
  const [unknown] = skippedIn(DOCUMENT, reader.json)
  if (unknown !== undefined) throw unsupportedFormat(`${unknown} of the anchor is not known`)
  return {
    sequence,
    logs,
    revoked: new Map(revoked.map(({ kid, compromisedSince }) => [kid, compromisedSince])),
  }
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_FILE_READ', `malformed anchor: ${why}`)
}
