/** What rotation stands on: a store with its log, the backends, a clock. */
import type { VersionStep } from '../keys/protected-actions.ts'
import type { EntryCaller, LogEntry } from '../log/entry.ts'
import type { Providers } from '../providers/registry.ts'
import type { Store, StoreTransaction } from '../store/store.ts'
import type { TimestampChainRequest } from '../timestamp/certificates.ts'
import type { CheckedClock } from './checked-clock.ts'
import type { StoreAnchor } from './store-anchor.ts'

/** The surroundings of every operation on keys. */
export interface RotationContext {
  readonly store: Store
  readonly providers: Pick<Providers, 'provider' | 'openKey'>
  readonly now: () => Date
  readonly clock: Pick<CheckedClock, 'check' | 'checkOrEstimate'>
  /** 16 random bytes in hex: the mark a key pair is made under. */
  readonly randomMark: () => string
  /** What the store must not forget; left out: nothing is kept outside of it. */
  readonly anchor?: Pick<StoreAnchor, 'revokedSince' | 'keepRevocation'> | undefined
  /** Issues the certificate chain of a new version of a time-stamp key: PEM, leaf first. */
  readonly certify: (version: Certified) => string
}

/** A version of a time-stamp key that needs certificates. */
export type Certified = Pick<TimestampChainRequest, 'key' | 'version' | 'publicKey'>

/** Who does something, and why; goes into the log. */
export interface Operator {
  /** Undefined: the service itself. */
  readonly caller: EntryCaller | undefined
  readonly requestId: string
  readonly reason?: string | undefined
  /** Left out: nothing needs to be asked. */
  readonly consent?: Consent | undefined
}

/**
 * Decides, in the transaction of a change and by what it does, whether it may be made; answers the entries
 * that stand in the log before those of the change.
 */
export type Consent = (
  steps: readonly VersionStep[],
  records: StoreTransaction,
) => Promise<readonly LogEntry[]>
