/** What is true in a world, whatever any clock says, and what follows for verifiers. */
import type { Key } from '../../../src/keys/key.ts'
import type { PublishedState } from '../../../src/keys/publication.ts'

/** What is physically so. */
export interface Settings {
  readonly keys: readonly [Key, Key]
  readonly replicas: readonly [Replica, Replica]
  readonly verifierSkews: readonly number[]
}

/** One replica of the service. */
export interface Replica {
  /** How far its clock is ahead of true time. */
  readonly skew: number
  /** How late it serves what changed, at most R. */
  lag: number
  /** How late its signers switch, at most L. */
  signerLag: number
}

/** All keys from a second on. */
export interface Snapshot {
  readonly from: number
  readonly state: PublishedState
}

/** True times of a version, in seconds. */
export interface Facts {
  publishedAt: number | undefined
  /** The key as it was then, and how many snapshots there were. */
  publishedUnder: (Key & { readonly snapshots: number }) | undefined
  /** Activated before verifiers had to know it: the first of a key, or by force. */
  isEarly: boolean
  /** Activated where none was active, so none before it can sign for clocks that are behind. */
  isAlone: boolean
  isRevoked: boolean
}

/**
 * From when every supported verifier has seen a version: any that fetched without it, from a replica that
 * lagged, kept that as long as the policy of then says.
 */
export function seenAt(facts: Facts, snapshots: readonly Snapshot[]): number {
  const { publishedAt = 0, publishedUnder: under } = facts
  const lag = under?.policy.replicaLagSeconds ?? 0
  const unseenUntil = publishedAt + lag
  const dropped = snapshots.map(({ from, state }, n) => {
    const isLater = n >= (under?.snapshots ?? 0) && from >= unseenUntil
    const policy = state.keys.find(({ name }) => name === under?.name)?.policy
    if (isLater || policy === undefined) return unseenUntil
    const lastFetch = Math.min((snapshots[n + 1]?.from ?? Infinity) + lag, unseenUntil)
    return lastFetch + Math.max(policy.maxAgeSeconds, policy.verifierCacheSeconds)
  })
  return Math.max(...dropped)
}
