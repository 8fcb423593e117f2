/**
 * What the audit log says of one operation: who asked for what, which key version did it, and
 * what came of it. Never a token, a PIN or a predicate's body.
 *
 * @packageDocumentation
 */
import type { JsonObject } from '../formats/json.ts'
import type { KeyUse } from '../keys/key.ts'
import type { KeyState } from '../keys/state.ts'
import type { EarlierLogName, LogNames, LogRole } from './log-roles.ts'

/** Who asked; claims are those that were verified. */
export interface EntryCaller {
  readonly issuer: string
  readonly subject: string
  readonly claims: JsonObject
}

/** The key version an entry is about. */
export interface EntryKey {
  readonly name: string
  readonly version: number
  readonly kid: string
}

/** Where the transparency log has what it says of an operation. */
export interface PublicEntry {
  readonly index: number
  /** Hash of the leaf (RFC 6962 section 2.1), hex. */
  readonly leafSha256: string
}

/** What every entry says. */
interface EntryBase {
  readonly time: Date
  readonly requestId: string
  /** Undefined: the service itself (scheduler, start). */
  readonly caller: EntryCaller | undefined
}

/** An artifact signature or attestation was made. */
export interface SignatureEntry extends EntryBase {
  readonly type: 'signature' | 'attestation'
  readonly key: EntryKey
  /** Digests of what was signed: the artifact, or every subject. */
  readonly digests: readonly string[]
  readonly predicateType: string | undefined
  /** SHA-256 of the bundle, hex: finds the entry of a bundle. */
  readonly bundleSha256: string
  readonly timestamp: { readonly kid: string; readonly time: Date } | undefined
  /** The backend's own id of the operation, where it gives one. */
  readonly backendRequestId: string | undefined
  /** Of what is kept for retries with the same Idempotency-Key: SHA-256, hex, of the request and the answer to it. */
  readonly answerSha256: string | undefined
  /** Set as it is appended. */
  readonly publicEntry?: PublicEntry | undefined
}

/** A token was issued. */
export interface TokenEntry extends EntryBase {
  readonly type: 'token'
  readonly key: EntryKey
  readonly jti: string
  readonly audience: readonly string[]
  readonly expires: Date
  /** The backend's own id of the operation, where it gives one. */
  readonly backendRequestId: string | undefined
}

/** A time stamp was given. */
export interface TimestampEntry extends EntryBase {
  readonly type: 'timestamp'
  readonly key: EntryKey
  readonly serial: string
  /** What was stamped: `sha256:…`. */
  readonly digest: string
}

/** A key or version changed. */
export interface StateEntry extends EntryBase {
  readonly type: 'state'
  readonly key: EntryKey
  /** Of the key; never changes. */
  readonly use: KeyUse
  readonly from: KeyState | undefined
  readonly to: KeyState
  /** What was done: `create`, `import`, `publish`, `activate`, `relocate`, `retire`, `revoke`, `destroy`. */
  readonly action: string
  readonly reason: string | undefined
  readonly compromisedSince: Date | undefined
  /** SHA-256 of the certificates of a time-stamp key, hex. */
  readonly certificatesSha256: string | undefined
  /** Of a version that was relocated: where its key pair is from now on. */
  readonly uri?: string | undefined
  readonly isForced: boolean
  /** Of the publication that shows it. */
  readonly sequence: number
  /** Set as it is appended. */
  readonly publicEntry?: PublicEntry | undefined
}

/** What both logs say of a change. */
export type StateFacts = Pick<
  StateEntry,
  | 'key'
  | 'use'
  | 'from'
  | 'to'
  | 'action'
  | 'time'
  | 'compromisedSince'
  | 'certificatesSha256'
  | 'sequence'
>

/** An authenticated caller was refused, or an operation failed. */
export interface DenialEntry extends EntryBase {
  readonly type: 'denial'
  readonly action: string
  /** What it was asked of: the name of a key. */
  readonly resource: string
  /** An error code, which may be one of a later release. */
  readonly code: string
  /** Which rule was missing or which limit was met; for the log, not for the caller. */
  readonly reason: string
}

/** What every step of an approval says. */
interface ApprovalStepBase extends EntryBase {
  readonly type: 'approval'
  readonly action: string
  readonly resource: string
  readonly approvalId: string
  /** SHA-256 of the exact request, hex. */
  readonly requestSha256: string
}

/** A change is requested that its caller cannot make alone. */
export interface ApprovalRequestEntry extends ApprovalStepBase {
  readonly step: 'request'
  /** What about the change needs approval. */
  readonly protectedActions: readonly string[]
  /** Until when it can be approved and used. */
  readonly expires: Date
}

/** Another caller approves the request. */
export interface ApproveEntry extends ApprovalStepBase {
  readonly step: 'approve'
}

/** The approved change is made; its state entries, if any, follow this entry. */
export interface ApprovalUseEntry extends ApprovalStepBase {
  readonly step: 'use'
  /** How many callers had to agree, the requester included. */
  readonly required: number
  /** Indices of the request and of the approvals that count. */
  readonly approvals: readonly number[]
}

/** A step of a change that needs approval. */
export type ApprovalEntry = ApprovalRequestEntry | ApproveEntry | ApprovalUseEntry

/** Which changes of keys need how many callers. */
export interface ApprovalRules {
  /** Callers who must agree, the requester included; with one, no approval is needed. */
  readonly required: number
  readonly actions: readonly string[]
}

/** From here on these rules apply. */
export interface RulesEntry extends EntryBase {
  readonly type: 'rules'
  readonly approvals: ApprovalRules
}

/** From here on another rotation policy, or other rules for its tokens, count for a key. */
export interface KeyRulesEntry extends EntryBase {
  readonly type: 'keyRules'
  /** Name of the key. */
  readonly resource: string
  /** SHA-256 of the rules, hex. */
  readonly rulesSha256: string
  /** T: the longest lifetime of its tokens. */
  readonly maxTokenLifetimeSeconds: number
  /** Why an operator accepted them; undefined: they are stricter, or the service has but one replica. */
  readonly reason: string | undefined
}

/** An operator declared the latest time in the log wrong: from here on, times follow this entry's. */
export interface ClockEntry extends EntryBase {
  readonly type: 'clock'
  /** The latest time in the log before this entry. */
  readonly latest: Date
  readonly reason: string
}

/** From here on the logs have these names. */
export interface LogNamesEntry extends EntryBase, LogNames {
  readonly type: 'logNames'
  /** All that the transparency log had before, the first one first. */
  readonly earlier: readonly EarlierLogName[]
}

/** What a log was before its store was restored. */
export interface RestoredLog {
  readonly log: LogRole
  readonly origin: string
  readonly size: number
}

/** An operator had the service go on with a store that had lost entries: from here on, what was lost is missing. */
export interface RestoreEntry extends EntryBase {
  readonly type: 'restore'
  /** Both logs as they were: under which name, and how many entries each had at least. */
  readonly logs: readonly RestoredLog[]
  /** The number from which publications go on; above all that were lost. */
  readonly sequence: number
  readonly reason: string
}

/** One entry of the log. */
export type LogEntry =
  | SignatureEntry
  | TokenEntry
  | TimestampEntry
  | StateEntry
  | DenialEntry
  | ApprovalEntry
  | RulesEntry
  | KeyRulesEntry
  | ClockEntry
  | LogNamesEntry
  | RestoreEntry

/** What the service or its operator states, and no caller asked for. */
export type OwnEntry = RulesEntry | KeyRulesEntry | ClockEntry | LogNamesEntry | RestoreEntry

const OWN_TYPES: readonly string[] = [
  'rules',
  'keyRules',
  'clock',
  'logNames',
  'restore',
] satisfies OwnEntry['type'][]

/** Whether an entry is one that no caller asked for. */
export function isOwnEntry(entry: LogEntry): entry is OwnEntry {
  return OWN_TYPES.includes(entry.type)
}
