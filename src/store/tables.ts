/**
 * The tables, as Kysely sees them; the same in every database. Times are milliseconds since 1970.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import type { KeyOrigin, KeyUse } from '../keys/key.ts'
import type { KeyState } from '../keys/state.ts'

/** A key; its policy is JSON, with those it had before inside. */
export interface KeyRow {
  readonly name: string
  readonly use: KeyUse
  readonly algorithm: AlgorithmName
  readonly policy: string
  /** What its tokens may say: JSON. */
  readonly rules: string | null
  readonly provider: string
  /** Number of the version that a rotation was asked for. */
  readonly rotate_to: number | null
}

/** A key version. Rows are never deleted: public keys are kept for ever. */
export interface KeyVersionRow {
  readonly kid: string
  readonly key: string
  readonly version: number
  readonly algorithm: AlgorithmName
  readonly spki: Uint8Array
  readonly uri: string
  readonly state: KeyState
  readonly created_at: number
  readonly origin: KeyOrigin
  readonly published_at: number | null
  readonly activated_at: number | null
  readonly retired_at: number | null
  readonly revoked_at: number | null
  readonly compromised_since: number | null
  readonly destroyed_at: number | null
  /** 0 or 1: one of the databases has no booleans. */
  readonly is_forced: number
  readonly certificates: string | null
  readonly revision: number
}

/** A key pair that is about to be made. */
export interface CreationIntentRow {
  readonly id: string
  readonly key: string
  readonly version: number
  readonly uri: string
  readonly created_at: number
}

/** The two logs in the tables: the audit log, and the public transparency log. */
export const LOG_IDS = { audit: 0, transparency: 1 } as const

/** Which log a row is of. */
export type LogId = (typeof LOG_IDS)[keyof typeof LOG_IDS]

/** Leaf data of a log. Rows are only added. */
export interface LogEntryRow {
  readonly log: LogId
  readonly idx: number
  /** Packed. */
  readonly data: Uint8Array
}

/** A label of an entry, hashed: callers choose what is in it, and an index takes only short keys. */
export interface LogLabelRow {
  readonly log: LogId
  /** Entries that were appended in one time are one part; labels that are rare are part 0. */
  readonly part: number
  readonly label: Uint8Array
  /** Of the entry; of a frequent label, the first of a block with such an entry. */
  readonly idx: number
}

/** A tile of hashes. */
export interface LogTileRow {
  readonly log: LogId
  readonly level: number
  readonly idx: number
  readonly hashes: Uint8Array
}

/** The head of a log: one row a log. That of the audit log is the lock of all who append, to either. */
export interface LogHeadRow {
  readonly log: LogId
  readonly size: number
  readonly root: Uint8Array
  /** Of the latest entry since the time was last corrected. */
  readonly latest_at: number | null
}

/** The newest checkpoint, or the newest that witnesses cosigned: one row a log, or none yet. */
export interface LogCheckpointRow {
  readonly log: LogId
  readonly size: number
  readonly note: string
}

/** How many leaves from the first on lie outside of the database, but for some: one row a log. */
export interface LogMovedRow {
  readonly log: LogId
  readonly size: number
}

/** The signed key history: one row, or none yet. */
export interface KeyHistoryRow {
  readonly id: number
  readonly envelope: Uint8Array
}

/** An answer under an Idempotency-Key; `id` is a digest of caller and key. */
export interface AnswerRow {
  readonly id: Uint8Array
  readonly request_sha256: string
  readonly body: string
  readonly expires_at: number
}

/** An identity token that was used; `id` is a digest of issuer and `jti`. */
export interface ReplayRow {
  readonly id: Uint8Array
  readonly expires_at: number
}

/** A request that waits for approvals, which the log has. */
export interface ApprovalRow {
  readonly id: string
  /** JSON. */
  readonly parameters: string
  readonly expires_at: number
}

/** A number that only grows, by name. */
export interface CounterRow {
  readonly name: string
  readonly value: number
}

/** All tables by name. */
export interface Tables {
  readonly keys: KeyRow
  readonly key_versions: KeyVersionRow
  readonly creation_intents: CreationIntentRow
  readonly log_entries: LogEntryRow
  readonly log_labels: LogLabelRow
  readonly log_tiles: LogTileRow
  readonly log_head: LogHeadRow
  readonly log_checkpoint: LogCheckpointRow
  readonly log_witnessed: LogCheckpointRow
  readonly log_moved: LogMovedRow
  readonly key_history: KeyHistoryRow
  readonly answers: AnswerRow
  readonly replays: ReplayRow
  readonly approvals: ApprovalRow
  readonly counters: CounterRow
}
