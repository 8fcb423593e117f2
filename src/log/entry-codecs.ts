/**
 * The types of entries: one row for each, with its members in the order in which they are written. A type
 * without a row does not compile.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import {
  among,
  type Codec,
  COUNT,
  type Field,
  FLAG,
  listOf,
  listOfRecords,
  nested,
  oneOf,
  optional,
  record,
  TEXT,
  TIME,
  variants,
} from '../formats/fields.ts'
import { isKeyUse } from '../keys/key.ts'
import { isKeyState } from '../keys/state.ts'
import type {
  ApprovalEntry,
  ApprovalRequestEntry,
  ApprovalRules,
  ApprovalUseEntry,
  ApproveEntry,
  ClockEntry,
  DenialEntry,
  EntryCaller,
  EntryKey,
  KeyRulesEntry,
  LogEntry,
  LogNamesEntry,
  PublicEntry,
  RestoredLog,
  RestoreEntry,
  RulesEntry,
  SignatureEntry,
  StateEntry,
  StateFacts,
  TimestampEntry,
  TokenEntry,
} from './entry.ts'
import { cutText, sortMembers, toEntryCaller } from './entry-caller.ts'
import { type EarlierLogName, LOG_ROLES } from './log-roles.ts'

const MAX_REASON_CHARACTERS = 1024

/** Makes the error of an entry that no release wrote. */
export function malformedEntry(why: string): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `malformed log entry: ${why}`)
}

const TEXTS = listOf((value) => typeof value === 'string', malformedEntry)
const COUNTS = listOf(
  (value): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
  malformedEntry,
)
/** Read by people alone, so it is cut to its bound. */
const REASON: Field<string> = { ...TEXT, cut: (text) => cutText(text, MAX_REASON_CHARACTERS) }

const CALLER: Field<EntryCaller | undefined> = optional({
  ...nested(
    record<EntryCaller>({
      issuer: TEXT,
      subject: TEXT,
      claims: { read: (reader, name) => reader.object(name).json, write: sortMembers },
    }),
  ),
  cut: toEntryCaller,
})

const KEY: Field<EntryKey> = nested(record<EntryKey>({ name: TEXT, version: COUNT, kid: TEXT }))

/** Which leaf an entry names, whatever its type. Last of its entry: it is known when all else has been written. */
export const PUBLIC_ENTRY: Field<PublicEntry | undefined> = optional(
  nested(record<PublicEntry>({ index: COUNT, leafSha256: TEXT })),
)

/** Later releases have more codes, and a denial decides nothing. */
const CODE: Field<string> = {
  ...TEXT,
  read: (reader, name) => {
    const code = reader.text(name)
    if (/^ERR_[A-Z0-9_]{1,60}$/.test(code)) return code
    throw malformedEntry('its code is not an error code')
  },
}

type StampFacts = Exclude<SignatureEntry['timestamp'], undefined>

const BASE = { time: TIME, requestId: TEXT, caller: CALLER } as const

/** What the leaf of a change says of it. */
export const STATE_FACTS: Codec<StateFacts> = record<StateFacts>({
  key: KEY,
  use: oneOf(isKeyUse),
  from: optional(oneOf(isKeyState)),
  to: oneOf(isKeyState),
  action: TEXT,
  time: TIME,
  compromisedSince: optional(TIME),
  certificatesSha256: optional(TEXT),
  sequence: COUNT,
})

const SIGNATURE = record<SignatureEntry>({
  type: among('signature', 'attestation'),
  ...BASE,
  key: KEY,
  digests: TEXTS,
  predicateType: optional(TEXT),
  bundleSha256: TEXT,
  timestamp: optional(nested(record<StampFacts>({ kid: TEXT, time: TIME }))),
  backendRequestId: optional(TEXT),
  answerSha256: optional(TEXT),
  publicEntry: PUBLIC_ENTRY,
})

const TOKEN = record<TokenEntry>({
  type: among('token'),
  ...BASE,
  key: KEY,
  jti: TEXT,
  audience: TEXTS,
  expires: TIME,
  backendRequestId: optional(TEXT),
})

const TIMESTAMP = record<TimestampEntry>({
  type: among('timestamp'),
  ...BASE,
  key: KEY,
  serial: TEXT,
  digest: TEXT,
})

const STATE = record<StateEntry>({
  type: among('state'),
  ...BASE,
  key: KEY,
  use: oneOf(isKeyUse),
  from: optional(oneOf(isKeyState)),
  to: oneOf(isKeyState),
  action: TEXT,
  reason: optional(REASON),
  compromisedSince: optional(TIME),
  certificatesSha256: optional(TEXT),
  uri: optional(TEXT),
  isForced: FLAG,
  sequence: COUNT,
  publicEntry: PUBLIC_ENTRY,
})

const DENIAL = record<DenialEntry>({
  type: among('denial'),
  ...BASE,
  action: TEXT,
  resource: REASON,
  code: CODE,
  reason: REASON,
})

const ABOUT_APPROVAL = {
  action: TEXT,
  resource: TEXT,
  approvalId: TEXT,
  requestSha256: TEXT,
} as const

const APPROVAL = variants<ApprovalEntry, 'step'>('step', {
  request: record<ApprovalRequestEntry>({
    type: among('approval'),
    ...BASE,
    step: among('request'),
    ...ABOUT_APPROVAL,
    protectedActions: TEXTS,
    expires: TIME,
  }),
  approve: record<ApproveEntry>({
    type: among('approval'),
    ...BASE,
    step: among('approve'),
    ...ABOUT_APPROVAL,
  }),
  use: record<ApprovalUseEntry>({
    type: among('approval'),
    ...BASE,
    step: among('use'),
    ...ABOUT_APPROVAL,
    required: COUNT,
    approvals: COUNTS,
  }),
})

const RULES = record<RulesEntry>({
  type: among('rules'),
  ...BASE,
  approvals: nested(record<ApprovalRules>({ required: COUNT, actions: TEXTS })),
})

const KEY_RULES = record<KeyRulesEntry>({
  type: among('keyRules'),
  ...BASE,
  resource: TEXT,
  rulesSha256: TEXT,
  maxTokenLifetimeSeconds: COUNT,
  reason: optional(REASON),
})

const RESTORE = record<RestoreEntry>({
  type: among('restore'),
  ...BASE,
  logs: listOfRecords(record<RestoredLog>({ log: among(...LOG_ROLES), origin: TEXT, size: COUNT })),
  sequence: COUNT,
  reason: REASON,
})

const LOG_NAMES = record<LogNamesEntry>({
  type: among('logNames'),
  ...BASE,
  transparency: TEXT,
  audit: TEXT,
  earlier: listOfRecords(record<EarlierLogName>({ origin: TEXT, until: TIME })),
})

const CLOCK = record<ClockEntry>({
  type: among('clock'),
  ...BASE,
  latest: TIME,
  reason: REASON,
})

const ROWS = {
  signature: SIGNATURE,
  attestation: SIGNATURE,
  token: TOKEN,
  timestamp: TIMESTAMP,
  state: STATE,
  denial: DENIAL,
  approval: APPROVAL,
  rules: RULES,
  keyRules: KEY_RULES,
  clock: CLOCK,
  logNames: LOG_NAMES,
  restore: RESTORE,
} as const satisfies Readonly<Record<LogEntry['type'], unknown>>

/** The types of entries. */
export const ENTRY_TYPES: readonly LogEntry['type'][] = typesOf(ROWS)

/** An entry of any type. */
export const ENTRY: Codec<LogEntry> = variants<LogEntry, 'type'>('type', ROWS)

function typesOf<Type extends string>(rows: Readonly<Record<Type, unknown>>): readonly Type[] {
  return Object.keys(rows) as Type[]
}
