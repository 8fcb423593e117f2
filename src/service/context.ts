/**
 * What the routes of the service are given. `server.ts` makes it of the configuration; a test makes it of
 * a store in a temporary folder. Nothing in it reads a file, a clock or the environment by itself.
 *
 * @packageDocumentation
 */
import type { AccessRequest, AccessScope } from '../access/action.ts'
import type { Caller } from '../access/caller.ts'
import type { ProvenLeaf } from '../formats/log-entry.ts'
import type { Key } from '../keys/key.ts'
import type { Appender } from '../log/appender.ts'
import type { PublicEntry } from '../log/entry.ts'
import type { EarlierLogName } from '../log/log-roles.ts'
import type { CheckedClock } from '../rotation/checked-clock.ts'
import type { RotationContext } from '../rotation/context.ts'
import type { Keyring } from '../rotation/keyring.ts'
import type { TokenRules } from '../signing/issue-token.ts'
import type { Store } from '../store/store.ts'
import type { Approvals } from './authorization/approval.ts'
import type { Publications } from './publishing/publications.ts'
import type { FailureLog } from './http/failures.ts'
import type { ServiceMetrics } from './metrics/service-metrics.ts'
import type { EmbeddedAuthority, Stamper } from './composition/stamper.ts'

/** Bounds of the HTTP surface. */
export interface ServiceSettings {
  /** Address of the service: `iss` of its tokens, audience of its callers' tokens. */
  readonly issuer: string
  /** Name of the transparency log: a host name. */
  readonly logOrigin: string
  /** Names that it had before. */
  readonly earlierLogNames: readonly EarlierLogName[]
  /** Whether it is public; if not, those who may read the audit log may read it. */
  readonly isLogPublic: boolean
  /** Name of the audit log. */
  readonly auditOrigin: string
  /** Most bytes of a request body; what is over is refused unread. */
  readonly maxBodyBytes: number
  /** After that long a request is answered with ERR_TIMEOUT and its work is aborted. */
  readonly requestTimeoutMs: number
  /** Within that long the body of a request must arrive. */
  readonly bodyTimeoutMs: number
  /** Requests of authenticated routes that are worked on at the same time. */
  readonly maxConcurrent: number
  /** Requests that wait for their turn; one more is answered with ERR_OVERLOADED at once. */
  readonly maxQueue: number
  /** Requests a minute of one caller; of one address for unauthenticated requests. */
  readonly requestsPerMinute: number
  /** Failed authentications a minute from one address, before it has to wait. */
  readonly failuresPerMinute: number
  /** Time stamps an hour for all clients without a permission; 0: none. */
  readonly anonymousTimestamps: number
  /** How long the answer of an `Idempotency-Key` is kept. */
  readonly idempotencySeconds: number
  /** Which keys must sign for the service to be ready. */
  readonly ready: 'any' | 'every'
}

/** A thing the service needs in order to do its work, and how to find out whether it is there. */
export interface ReadinessCheck {
  /** Short stable name: `store`, `log`, `key release`. */
  readonly name: string
  /** The key that it is about; undefined: the service as a whole. */
  readonly key?: Key
  /** Since when it is as it is, where that is known. */
  readonly since?: () => Date | undefined
  /** Fulfils where all is well, rejects with what is wrong. */
  readonly check: (signal: AbortSignal) => Promise<void>
  /** Whether the service can do its work all the same: it is shown, and does not make the service unready. */
  readonly isAdvisory?: boolean
}

/** Everything a route may use. */
export interface ServiceContext {
  readonly settings: ServiceSettings
  readonly store: Store
  readonly keyring: Keyring
  readonly appender: Appender
  /**
   * Proves as of now that the transparency log has the leaf that an entry of the audit log names.
   *
   * @throws CountersignError ERR_LOG_PROOF_INVALID — it has not
   */
  readonly proveLeaf: (entry: PublicEntry) => Promise<ProvenLeaf>
  /** The public documents to verify with. */
  readonly publications: Pick<Publications, 'page' | 'settled'>
  readonly now: () => Date
  /** Whether that time may be relied on. */
  readonly clock: Pick<CheckedClock, 'check' | 'checkOrEstimate'>
  /** Random, unguessable, of letters, digits and `-`. */
  readonly randomId: () => string
  /**
   * Establishes who calls from the value of the `authorization` header, which is attacker-controlled.
   *
   * @throws CountersignError ERR_NOT_AUTHENTICATED — no token, or one that does not verify
   */
  readonly authenticate: (
    authorization: string | undefined,
    options: { readonly signal: AbortSignal },
  ) => Promise<Caller>
  /**
   * Lets a caller do one thing, or logs the denial and refuses. Deny by default.
   *
   * @throws CountersignError ERR_NOT_ALLOWED — no policy permits it, or one forbids it
   */
  readonly authorize: (caller: Caller, request: AccessRequest, requestId: string) => Promise<void>
  /**
   * Lets a caller's request pass where policies may permit one of some scopes, by caller, action and key alone.
   *
   * @throws CountersignError ERR_NOT_ALLOWED — whatever the request says, it is denied
   */
  readonly admit: (caller: Caller, scopes: readonly AccessScope[]) => void
  /** Whether some policy may permit a caller something. */
  readonly mayBePermitted: (caller: Caller) => boolean
  /** Whether a caller may read the state of a key; a refusal is not recorded. */
  readonly mayReadKey: (caller: Caller, key: Key) => boolean
  /** Approvals of changes to keys. */
  readonly approvals: Approvals
  /** What changes of keys stand on. */
  readonly rotation: RotationContext
  /** Writes into the log what came to nothing. */
  readonly failures: FailureLog
  /** The stamper for the signatures of a key; undefined: none. */
  readonly stamperOf: (key: string) => Stamper | undefined
  /** The time-stamp authority of the service. */
  readonly timestampAuthority: EmbeddedAuthority
  /** What tokens of a key may say; their longest lifetime is a matter of its rotation. */
  readonly tokenRulesOf: (key: string) => Pick<TokenRules, 'type' | 'claims'>
  /** What is counted and measured; left out: nothing. */
  readonly metrics?: ServiceMetrics | undefined
  /** What `/readyz` looks at. */
  readonly readiness: () => readonly ReadinessCheck[]
}
