/**
 * Leaf data of the log: an entry as JSON (RFC 8259) of one form, with its members in a fixed order,
 * times in RFC 3339 to the millisecond, and what is not known left out. The same entry is always the
 * same bytes; other bytes are no entry.
 *
 * @packageDocumentation
 */
import { CountersignError, ERROR_TRAITS, type ErrorCode } from '../errors.ts'
import { type JsonValue, type ObjectReader, parseJson, readObject } from '../formats/json.ts'
import { isKeyUse, type KeyUse } from '../keys/key.ts'
import { isKeyState, type KeyState } from '../keys/state.ts'
import type {
  ApprovalEntry,
  EntryCaller,
  EntryKey,
  LogEntry,
  PublicEntry,
  RestoredLog,
} from './entry.ts'
import { MAX_ENTRY_BYTES } from './entry-bundle.ts'
import { LOG_ROLES } from './log-roles.ts'
import { cutText, sortMembers, toEntryCaller } from './entry-caller.ts'

const MAX_REASON_CHARACTERS = 1024

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `malformed log entry: ${why}`)
}

/**
 * Writes an entry. The caller's claims and the reasons that people read are cut to their bounds; what
 * is about the operation itself is never cut.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — it has more digests or audiences than an entry holds
 */
export function serializeEntry(entry: LogEntry, maxBytes: number = MAX_ENTRY_BYTES): Uint8Array {
  const data = Buffer.from(JSON.stringify(toJson(entry)))
  if (data.length <= maxBytes) return data
  const message = `what is to be logged takes ${data.length} bytes, and an entry of the log has ${maxBytes}`
  throw new CountersignError('ERR_INPUT_TOO_LARGE', message, {
    hint: 'split it: name fewer artifacts or audiences in one request',
    details: { maxBytes, bytes: data.length },
  })
}

/** JSON.stringify keeps this order and leaves out what is undefined. */
function toJson(entry: LogEntry): object {
  const { type, time, requestId, caller } = entry
  const base = { type, time, requestId, caller: caller && toEntryCaller(caller) }
  return { ...base, ...specifics(entry) }
}

function specifics(entry: LogEntry): object {
  switch (entry.type) {
    case 'signature':
    case 'attestation':
      return signatureSpecifics(entry)
    case 'token': {
      const { key, jti, audience, expires, backendRequestId } = entry
      return { key: toKey(key), jti, audience, expires, backendRequestId }
    }
    case 'timestamp': {
      const { key, serial, digest } = entry
      return { key: toKey(key), serial, digest }
    }
    case 'state':
      return stateSpecifics(entry)
    case 'denial': {
      const { action, code } = entry
      const resource = cutText(entry.resource, MAX_REASON_CHARACTERS)
      return { action, resource, code, reason: cutText(entry.reason, MAX_REASON_CHARACTERS) }
    }
    case 'approval': {
      const { step, action, resource, approvalId, requestSha256 } = entry
      const about = { step, action, resource, approvalId, requestSha256 }
      return { ...about, ...approvalSpecifics(entry) }
    }
    case 'rules': {
      const { required, actions } = entry.approvals
      return { approvals: { required, actions } }
    }
    case 'keyRules': {
      const { resource, rulesSha256, maxTokenLifetimeSeconds, reason } = entry
      return { resource, rulesSha256, maxTokenLifetimeSeconds, reason: cutReason(reason) }
    }
    case 'restore': {
      const { sequence, reason } = entry
      const logs = entry.logs.map(({ log, origin, size }) => ({ log, origin, size }))
      return { logs, sequence, reason: cutText(reason, MAX_REASON_CHARACTERS) }
    }
    case 'clock':
      return { latest: entry.latest, reason: cutText(entry.reason, MAX_REASON_CHARACTERS) }
  }
}

function signatureSpecifics(entry: EntryOf<'signature' | 'attestation'>): object {
  const { key, digests, predicateType, bundleSha256, timestamp } = entry
  const { backendRequestId, answerSha256, publicEntry } = entry
  const stamp = timestamp && { kid: timestamp.kid, time: timestamp.time }
  const signed = { key: toKey(key), digests, predicateType, bundleSha256, timestamp: stamp }
  return { ...signed, backendRequestId, answerSha256, publicEntry: toPublic(publicEntry) }
}

function stateSpecifics(entry: EntryOf<'state'>): object {
  const { key, use, from, to, action, compromisedSince } = entry
  const { certificatesSha256, isForced, sequence, publicEntry } = entry
  const change = { key: toKey(key), use, from, to, action, reason: cutReason(entry.reason) }
  const shown = { certificatesSha256, isForced, sequence, publicEntry: toPublic(publicEntry) }
  return { ...change, compromisedSince, ...shown }
}

function cutReason(reason: string | undefined): string | undefined {
  return reason === undefined ? undefined : cutText(reason, MAX_REASON_CHARACTERS)
}

function approvalSpecifics(entry: ApprovalEntry): object {
  switch (entry.step) {
    case 'request':
      return { protectedActions: entry.protectedActions, expires: entry.expires }
    case 'approve':
      return {}
    case 'use':
      return { required: entry.required, approvals: entry.approvals }
  }
}

/** Last of its entry: it is known when all else has been written. */
function toPublic(entry: PublicEntry | undefined): PublicEntry | undefined {
  return entry && { index: entry.index, leafSha256: entry.leafSha256 }
}

function toKey({ name, version, kid }: EntryKey): EntryKey {
  return { name, version, kid }
}

/**
 * Parses leaf data, which may be attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — not the one form of an entry of a known type;
 * ERR_JSON_INVALID — not strict JSON
 */
export function parseEntry(data: Uint8Array): LogEntry {
  const reader = readObject(parseJson(data, { maxBytes: MAX_ENTRY_BYTES }), malformed, 'entry')
  const type = reader.text('type')
  if (!isEntryType(type)) throw malformed(`type "${type.slice(0, 40)}" is not known`)
  const entry = PARSERS[type](reader)
  // Whatever the readers let pass, such as a member they do not know, shows here.
  if (!Buffer.from(JSON.stringify(toJson(entry))).equals(data)) {
    throw malformed('it is not in its one form')
  }
  return entry
}

type EntryOf<Type extends LogEntry['type']> = Extract<LogEntry, { readonly type: Type }>

function isEntryType(type: string): type is LogEntry['type'] {
  return Object.hasOwn(PARSERS, type)
}

const PARSERS: Readonly<Record<LogEntry['type'], (reader: ObjectReader) => LogEntry>> = {
  signature: (reader) => ({ type: 'signature', ...readSignature(reader) }),
  attestation: (reader) => ({ type: 'attestation', ...readSignature(reader) }),
  token: (reader) => ({
    type: 'token',
    ...readBase(reader),
    key: readKey(reader),
    jti: reader.text('jti'),
    audience: readTexts(reader, 'audience'),
    expires: reader.time('expires'),
    backendRequestId: reader.optionalText('backendRequestId'),
  }),
  timestamp: (reader) => ({
    type: 'timestamp',
    ...readBase(reader),
    key: readKey(reader),
    serial: reader.text('serial'),
    digest: reader.text('digest'),
  }),
  state: (reader) => ({
    type: 'state',
    ...readBase(reader),
    key: readKey(reader),
    use: readUse(reader),
    from: reader.value('from') === undefined ? undefined : readState(reader, 'from'),
    to: readState(reader, 'to'),
    action: reader.text('action'),
    reason: reader.optionalText('reason'),
    compromisedSince:
      reader.value('compromisedSince') === undefined ? undefined : reader.time('compromisedSince'),
    certificatesSha256: reader.optionalText('certificatesSha256'),
    isForced: reader.value('isForced') === true,
    sequence: reader.count('sequence'),
    publicEntry: readPublic(reader),
  }),
  denial: (reader) => ({
    type: 'denial',
    ...readBase(reader),
    action: reader.text('action'),
    resource: reader.text('resource'),
    code: readCode(reader),
    reason: reader.text('reason'),
  }),
  approval: readApproval,
  rules: (reader) => {
    const approvals = reader.object('approvals')
    return {
      type: 'rules',
      ...readBase(reader),
      approvals: {
        required: approvals.count('required'),
        actions: readTexts(approvals, 'actions'),
      },
    }
  },
  keyRules: (reader) => ({
    type: 'keyRules',
    ...readBase(reader),
    resource: reader.text('resource'),
    rulesSha256: reader.text('rulesSha256'),
    maxTokenLifetimeSeconds: reader.count('maxTokenLifetimeSeconds'),
    reason: reader.optionalText('reason'),
  }),
  restore: (reader) => ({
    type: 'restore',
    ...readBase(reader),
    logs: reader.objects('logs').map(readRestoredLog),
    sequence: reader.count('sequence'),
    reason: reader.text('reason'),
  }),
  clock: (reader) => ({
    type: 'clock',
    ...readBase(reader),
    latest: reader.time('latest'),
    reason: reader.text('reason'),
  }),
}

function readRestoredLog(reader: ObjectReader): RestoredLog {
  const log = LOG_ROLES.find((role) => role === reader.text('log'))
  if (log === undefined) throw malformed('its log is not one of the two')
  return { log, origin: reader.text('origin'), size: reader.count('size') }
}

type Base = Pick<LogEntry, 'time' | 'requestId' | 'caller'>

function readBase(reader: ObjectReader): Base {
  const caller = reader.optionalObject('caller')
  return {
    time: reader.time('time'),
    requestId: reader.text('requestId'),
    caller: caller && readCaller(caller),
  }
}

function readCaller(reader: ObjectReader): EntryCaller {
  return {
    issuer: reader.text('issuer'),
    subject: reader.text('subject'),
    claims: sortMembers(reader.object('claims').json),
  }
}

function readKey(reader: ObjectReader): EntryKey {
  const key = reader.object('key')
  return { name: key.text('name'), version: key.count('version'), kid: key.text('kid') }
}

function readSignature(reader: ObjectReader): Omit<EntryOf<'signature' | 'attestation'>, 'type'> {
  const timestamp = reader.optionalObject('timestamp')
  return {
    ...readBase(reader),
    key: readKey(reader),
    digests: readTexts(reader, 'digests'),
    predicateType: reader.optionalText('predicateType'),
    bundleSha256: reader.text('bundleSha256'),
    timestamp: timestamp && { kid: timestamp.text('kid'), time: timestamp.time('time') },
    backendRequestId: reader.optionalText('backendRequestId'),
    answerSha256: reader.optionalText('answerSha256'),
    publicEntry: readPublic(reader),
  }
}

function readPublic(reader: ObjectReader): PublicEntry | undefined {
  const entry = reader.optionalObject('publicEntry')
  return entry && { index: entry.count('index'), leafSha256: entry.text('leafSha256') }
}

function readApproval(reader: ObjectReader): ApprovalEntry {
  const about = {
    type: 'approval' as const,
    ...readBase(reader),
    action: reader.text('action'),
    resource: reader.text('resource'),
    approvalId: reader.text('approvalId'),
    requestSha256: reader.text('requestSha256'),
  }
  const step = reader.text('step')
  switch (step) {
    case 'request': {
      const protectedActions = readTexts(reader, 'protectedActions')
      return { ...about, step, protectedActions, expires: reader.time('expires') }
    }
    case 'approve':
      return { ...about, step }
    case 'use': {
      const approvals = readCounts(reader, 'approvals')
      return { ...about, step, required: reader.count('required'), approvals }
    }
    default:
      throw malformed('its step is not known')
  }
}

function readTexts(reader: ObjectReader, name: string): readonly string[] {
  const value = reader.value(name)
  if (!Array.isArray(value) || !value.every((item: JsonValue) => typeof item === 'string')) {
    throw malformed(`"${name}" is not a list of texts`)
  }
  return value
}

function readCounts(reader: ObjectReader, name: string): readonly number[] {
  const value = reader.value(name)
  if (Array.isArray(value) && value.every((item: JsonValue) => isCount(item))) return value
  throw malformed(`"${name}" is not a list of whole numbers`)
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function readState(reader: ObjectReader, name: string): KeyState {
  const state = reader.text(name)
  if (isKeyState(state)) return state
  throw malformed(`"${name}" is not a state`)
}

function readUse(reader: ObjectReader): KeyUse {
  const use = reader.text('use')
  if (isKeyUse(use)) return use
  throw malformed('its use is not known')
}

function readCode(reader: ObjectReader): ErrorCode {
  const code = reader.text('code')
  if (isErrorCode(code)) return code
  throw malformed('its code is not known')
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TRAITS, code)
}
