/**
 * What rotation asks of a store, inside one transaction. `src/store` implements it.
 *
 * @packageDocumentation
 */
import type { Key, KeyVersion } from './key.ts'

/** A key pair that is about to be made: written before the backend is asked, so a crash leaves no orphan. */
export interface CreationIntent {
  /** Random; also given to the backend where it takes a mark. */
  readonly id: string
  readonly key: string
  readonly version: number
  /** Key reference the pair is made under. */
  readonly uri: string
  readonly createdAt: Date
}

/** Keys, versions and intents, within one transaction. */
export interface KeyRecords {
  keys(): Promise<readonly Key[]>
  /** All versions, or those of one key, by version. */
  versions(key?: string): Promise<readonly KeyVersion[]>
  /**
   * The versions of these kids, as they are now and not as a snapshot remembers them; unknown kids are
   * left out.
   */
  versionsOf(kids: readonly string[]): Promise<readonly KeyVersion[]>
  /** Adds a key, or updates policy, rules and provider of one whose use and algorithm are the same. */
  putKey(key: Key): Promise<void>
  /** Has the scheduler let a version sign as soon as it may; it replaces an earlier request. */
  requestRotation(name: string, version: number): Promise<void>
  /**
   * Locks a key's versions for writing until the transaction ends; without it two replicas could each
   * activate a version.
   */
  lockKey(name: string): Promise<void>
  /** @throws CountersignError ERR_KEY_EXISTS — the kid or the number is taken */
  insertVersion(version: KeyVersion): Promise<void>
  /**
   * Compare-and-swap: writes `next` where the stored revision is `next.revision - 1`.
   *
   * @throws CountersignError ERR_STATE_CONFLICT — changed concurrently
   */
  replaceVersion(next: KeyVersion): Promise<void>
  /** Number of the newest publication; 0 before the first. */
  sequence(): Promise<number>
  /** Takes the next number for a publication; strictly increasing over all replicas. */
  nextSequence(): Promise<number>
  /** As {@link nextSequence}, and above a number that is given. */
  raiseSequence(above: number): Promise<number>
  intents(): Promise<readonly CreationIntent[]>
  insertIntent(intent: CreationIntent): Promise<void>
  deleteIntent(id: string): Promise<void>
}
