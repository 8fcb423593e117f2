/**
 * The key history: every version of every artifact key with its validity window, as published at
 * `/trust/keys.json`. Payload type `application/vnd.countersign.keys.v1+json`, usually inside a DSSE
 * envelope signed by the service's trust key.
 *
 * @packageDocumentation
 */
import { isAlgorithmName } from '../crypto/algorithms.ts'
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { parsePublicKeySpki, type PublicKeyInfo } from '../crypto/public-key.ts'
import { verifyX509Message } from '../crypto/verify.ts'
import { CountersignError } from '../errors.ts'
import { encodePae, readEnvelope } from '../formats/dsse.ts'
import {
  isJsonObject,
  type JsonObject,
  type ObjectReader,
  parseJson,
  readObject,
} from '../formats/json.ts'
import { isNoteKeyName } from '../formats/note-key.ts'
import { assertVersion, unsupportedFormat } from '../formats/versions.ts'
import { isKeyUse, type KeyOrigin, type KeyUse } from './key.ts'
import type { PublicationTimes } from './publication-times.ts'
import { isKeyState, type KeyState } from './state.ts'

/** DSSE payload type of a key history. */
export const KEY_HISTORY_PAYLOAD_TYPE = 'application/vnd.countersign.keys.v1+json'

/** Payload types of later versions. */
const ANY_PAYLOAD_TYPE = /^application\/vnd\.countersign\.keys\.v\d+\+json$/

/** What a reader must not skip comes under the next one. */
const FORMAT_VERSION = 1
const MAX_HISTORY_BYTES = 8 * 1024 * 1024
const MAX_VERSIONS = 2000
const MAX_TRUST_KEYS = 16

/** One key version as verifiers see it. */
export interface PublishedVersion {
  readonly key: PublicKeyInfo
  /** Name of the key the version belongs to. */
  readonly name: string
  readonly version: number
  /** What the key signs: a signature of another kind does not count. */
  readonly use: KeyUse
  readonly origin: KeyOrigin
  readonly state: KeyState
  /** Signatures made from `start` to `end`, both included, count; no `end` while it signs. */
  readonly validFor: { readonly start: Date | undefined; readonly end: Date | undefined }
  /** Set on a revoked version: nothing made from then on counts. */
  readonly compromisedSince: Date | undefined
}

/** A key version that only a later release understands; nothing that it signs counts here. */
export interface SkippedVersion {
  readonly kid: string
  readonly why: string
}

/** By what readers of an audit log know it. */
export interface AuditLogIdentity {
  /** Its name in checkpoints. */
  readonly origin: string
  /** Versions of the key that signs it, those before too: what they signed is still read. */
  readonly keys: readonly PublicKeyInfo[]
}

/** A key history; `sequence` grows with every change. */
export interface KeyHistory {
  readonly sequence: number
  /** Address of the service that signs with these keys: provenance that names it as the builder is its own. */
  readonly issuer?: string
  readonly versions: readonly PublishedVersion[]
  /** Versions that are not understood; left out where there are none. */
  readonly skipped?: readonly SkippedVersion[]
  /**
   * The versions of the trust key that may sign a history from now on: the active one, and the standby
   * that will follow it. A client that trusts the signer of this history trusts them next; so one that
   * looks in at least once while a version is active learns its successor before it signs.
   */
  readonly trustKeys?: readonly PublicKeyInfo[]
  /** The audit log of the service; left out where it has no key. */
  readonly auditLog?: AuditLogIdentity
  /** The Sigstore trusted root of the same moment: only here is it signed. */
  readonly trustedRoot?: JsonObject
  /**
   * The transparency log as its revoked keys signed it (`tlogs` of a trusted root), each until it was compromised.
   * What they signed counts only for what a time stamp shows to be older.
   */
  readonly revokedLogs?: readonly JsonObject[]
  /** Until when it counts; a signed history always has them. Judge them with `assertPublicationCurrent`. */
  readonly times?: PublicationTimes | undefined
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_TRUST_INVALID', `malformed key history: ${why}`, {
    hint: 'fetch it again from /trust/keys.json of your countersign service',
  })
}

/**
 * Parses a key history, bare or in its envelope.
 *
 * @param trustKeys - one of them must have signed the envelope; without any only a bare document is
 * taken, and the caller vouches for where it came from
 * @throws {@link CountersignError} ERR_TRUST_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE;
 * ERR_SIGNATURE_INVALID — the envelope is signed by none of them; ERR_KEY_INVALID — a key in it is weak;
 * ERR_FORMAT_UNSUPPORTED — of a later version
 *
 * @example
 * ```ts
 * import { parseKeyHistory, parsePublicKeyPem } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const trustKey = parsePublicKeyPem(await readFile('trust-key.pub', 'utf8'))
 * const { versions } = parseKeyHistory(await readFile('keys.json'), trustKey)
 * console.log(versions[0]?.name) // release
 * ```
 */
export function parseKeyHistory(
  bytes: Uint8Array,
  ...trustKeys: readonly PublicKeyInfo[]
): KeyHistory {
  const json = parseJson(bytes, { maxBytes: MAX_HISTORY_BYTES })
  const signed = isJsonObject(json) && Object.hasOwn(json, 'payloadType')
  if (!signed) {
    if (trustKeys.length > 0) throw malformed('it is not signed, and a trust key was given')
    return readHistory(readObject(json, malformed, 'it'), 'optional')
  }
  if (trustKeys.length === 0)
    throw malformed('it is signed, and no trust key was given to check it')
  const envelope = readEnvelope(json)
  assertPayloadType(envelope.payloadType)
  const pae = encodePae(envelope.payloadType, envelope.payload)
  const isSignedBy = (key: PublicKeyInfo): boolean =>
    envelope.signatures.some(({ sig }) => verifyX509Message(key, pae, sig))
  if (!trustKeys.some(isSignedBy)) {
    throw new CountersignError(
      'ERR_SIGNATURE_INVALID',
      'the key history is not signed by the trust key',
    )
  }
  const payload = parseJson(envelope.payload, { maxBytes: MAX_HISTORY_BYTES })
  return readHistory(readObject(payload, malformed, 'it'), 'required')
}

function assertPayloadType(found: string): void {
  if (ANY_PAYLOAD_TYPE.test(found)) {
    assertVersion('the key history', found, KEY_HISTORY_PAYLOAD_TYPE)
  } else throw malformed('another payload type')
}

/** A signed history without times would count for ever, so one is refused. */
function readHistory(history: ObjectReader, times: 'required' | 'optional'): KeyHistory {
  assertFormat(history, times)
  const sequence = history.count('sequence')
  const entries = history.objects('keys')
  if (entries.length > MAX_VERSIONS) throw malformed(`it has over ${MAX_VERSIONS} key versions`)
  const { known: versions, skipped } = readKnown(entries, readVersion)
  const kids = new Set([...versions.map(({ key }) => key.kid), ...skipped.map(({ kid }) => kid)])
  if (kids.size !== entries.length) throw malformed('a kid is used twice')
  const trustEntries = history.objects('trustKeys', 'optional')
  if (trustEntries.length > MAX_TRUST_KEYS)
    throw malformed(`it has over ${MAX_TRUST_KEYS} trust keys`)
  const trustKeys = readKnown(trustEntries, readKey).known
  const auditLog = history.optionalObject('auditLog')
  const trustedRoot = history.optionalObject('trustedRoot')?.json
  const revokedLogs = history.objects('revokedLogs', 'optional').map(({ json: log }) => log)
  if (revokedLogs.length > MAX_VERSIONS) throw malformed(`it has over ${MAX_VERSIONS} revoked logs`)
  const issuer = history.optionalText('issuer')
  return {
    sequence,
    ...(issuer !== undefined && { issuer }),
    versions,
    ...(skipped.length > 0 && { skipped }),
    // Where none of them is understood, none is trusted next: not those of before.
    ...(trustEntries.length > 0 && { trustKeys }),
    ...(auditLog !== undefined && { auditLog: readAuditLog(auditLog) }),
    ...(trustedRoot !== undefined && { trustedRoot }),
    ...(revokedLogs.length > 0 && { revokedLogs }),
    ...readTimes(history, times),
  }
}

/** What a later release added fails for itself alone; what no release wrote fails the history. */
function readKnown<T>(
  entries: readonly ObjectReader[],
  read: (entry: ObjectReader) => T,
): { readonly known: readonly T[]; readonly skipped: readonly SkippedVersion[] } {
  const known: T[] = []
  const skipped: SkippedVersion[] = []
  for (const entry of entries) {
    const kid = entry.text('kid')
    try {
      known.push(read(entry))
    } catch (error) {
      if (!CountersignError.is(error, 'ERR_FORMAT_UNSUPPORTED')) throw error
      skipped.push({ kid, why: error.message })
    }
  }
  return { known, skipped }
}

function assertFormat(history: ObjectReader, presence: 'required' | 'optional'): void {
  if (presence === 'optional' && history.value('formatVersion') === undefined) return
  assertVersion('the key history', history.count('formatVersion'), FORMAT_VERSION)
}

function readTimes(
  history: ObjectReader,
  presence: 'required' | 'optional',
): Pick<KeyHistory, 'times'> {
  const issuedAt = readTime(history, 'issuedAt')
  const expires = readTime(history, 'expires')
  const offlineUntil = readTime(history, 'offlineUntil')
  const any = issuedAt ?? expires ?? offlineUntil
  if (any === undefined && presence === 'optional') return {}
  if (issuedAt === undefined || expires === undefined || offlineUntil === undefined) {
    throw malformed('it lacks issuedAt, expires or offlineUntil')
  }
  if (issuedAt >= expires || expires > offlineUntil) throw malformed('its times are out of order')
  return { times: { issuedAt, expires, offlineUntil } }
}

function readKey(entry: ObjectReader): PublicKeyInfo {
  const algorithm = entry.text('algorithm')
  const spki = decodeBase64(entry.text('spki'))
  if (spki === undefined) throw malformed('a key that is not base64')
  if (!isAlgorithmName(algorithm)) throw notKnown('algorithm', algorithm)
  const key = parsePublicKeySpki(spki, algorithm)
  if (key.kid !== entry.text('kid')) throw malformed('a kid that is not the thumbprint of its key')
  return key
}

function readAuditLog(log: ObjectReader): AuditLogIdentity {
  const origin = log.text('origin')
  if (!isNoteKeyName(origin)) throw malformed('an audit log whose origin is not a name')
  const keys = log.objects('keys')
  if (keys.length > MAX_VERSIONS) throw malformed(`its audit log has over ${MAX_VERSIONS} keys`)
  return { origin, keys: readKnown(keys, readKey).known }
}

function readVersion(entry: ObjectReader): PublishedVersion {
  const key = readKey(entry)
  const state = entry.text('state')
  if (!isKeyState(state)) throw notKnown('state', state)
  const window = entry.optionalObject('validFor')
  const validFor = {
    start: window === undefined ? undefined : readTime(window, 'start'),
    end: window === undefined ? undefined : readTime(window, 'end'),
  }
  const compromisedSince = readTime(entry, 'compromisedSince')
  if (state === 'revoked' && compromisedSince === undefined) {
    throw malformed('a revoked version without compromisedSince')
  }
  if (state !== 'active' && state !== 'pending' && validFor.end === undefined) {
    throw malformed(`a ${state} version whose window has no end`)
  }
  const version = entry.count('version')
  const name = entry.text('key')
  const [use, origin] = [readUse(entry), readOrigin(entry)]
  return { key, name, version, use, origin, state, validFor, compromisedSince }
}

function readUse(entry: ObjectReader): KeyUse {
  const use = entry.text('use')
  if (isKeyUse(use)) return use
  throw notKnown('use', use)
}

/** Written for imported versions alone. */
function readOrigin(entry: ObjectReader): KeyOrigin {
  const origin = entry.optionalText('origin') ?? 'generated'
  if (origin === 'generated' || origin === 'external') return origin
  throw notKnown('origin', origin)
}

function notKnown(name: string, value: string): CountersignError {
  return unsupportedFormat(`${name} "${value.slice(0, 40)}" is not known`)
}

/** RFC 3339 in UTC, what {@link serializeKeyHistory} writes. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/

function readTime(reader: ObjectReader, name: string): Date | undefined {
  const text = reader.optionalText(name)
  if (text === undefined) return undefined
  const time = new Date(text)
  if (!TIME.test(text) || Number.isNaN(time.getTime())) throw malformed(`${name} is not a UTC time`)
  return time
}

/** Writes the payload of a key history; it parses back to the same. */
export function serializeKeyHistory(history: KeyHistory): Uint8Array {
  const { sequence, issuer, versions, trustKeys, auditLog, trustedRoot, revokedLogs, times } =
    history
  const document = {
    formatVersion: FORMAT_VERSION,
    sequence,
    ...(issuer !== undefined && { issuer }),
    ...(times !== undefined && {
      issuedAt: times.issuedAt.toISOString(),
      expires: times.expires.toISOString(),
      offlineUntil: times.offlineUntil.toISOString(),
    }),
    keys: versions.map(toJson),
    ...(trustKeys !== undefined && { trustKeys: trustKeys.map(keyToJson) }),
    ...(auditLog !== undefined && {
      auditLog: { origin: auditLog.origin, keys: auditLog.keys.map(keyToJson) },
    }),
    ...(trustedRoot !== undefined && { trustedRoot }),
    ...(revokedLogs !== undefined && { revokedLogs }),
  }
  return Buffer.from(JSON.stringify(document))
}

/** Whether two histories say the same of keys, whenever each was signed. */
export function isSameContent(one: KeyHistory, other: KeyHistory): boolean {
  return contentOf(one) === contentOf(other)
}

function contentOf(history: KeyHistory): string {
  const known = Buffer.from(serializeKeyHistory({ ...history, times: undefined })).toString()
  return JSON.stringify([known, history.skipped ?? []])
}

function toJson(version: PublishedVersion): object {
  return {
    ...keyToJson(version.key),
    key: version.name,
    version: version.version,
    use: version.use,
    ...(version.origin === 'external' && { origin: version.origin }),
    state: version.state,
    validFor: {
      ...(version.validFor.start && { start: version.validFor.start.toISOString() }),
      ...(version.validFor.end && { end: version.validFor.end.toISOString() }),
    },
    ...(version.compromisedSince && { compromisedSince: version.compromisedSince.toISOString() }),
  }
}

function keyToJson({ kid, algorithm, spki }: PublicKeyInfo): object {
  return { kid, algorithm: algorithm.name, spki: encodeBase64(spki) }
}
