/**
 * Holds the store against its anchor, and moves the anchor on with the store: never ahead of what is durable,
 * at most a moment behind it.
 *
 * @packageDocumentation
 */
import { setTimeout } from 'node:timers/promises'
import { CountersignError, toCountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import { LOG_ROLES, type LogNames, type LogRole } from '../log/log-roles.ts'
import type { Store } from '../store/store.ts'
import { type Anchor, EMPTY_ANCHOR, mergeAnchors, serializeAnchor } from './anchor.ts'
import type { AnchorStorage } from './anchor-storage.ts'
import { findUnrevoked, logOf, logShorter, readStoreState, type StoreState } from './store-state.ts'

/** What an anchor is held against. */
export interface StoreAnchorOptions {
  readonly store: Pick<Store, 'transaction' | 'withLock'>
  /** Names of the logs. */
  readonly names: LogNames
  /** Undefined: kept in memory alone, so only what happens while this process runs is noticed. */
  readonly storage: AnchorStorage | undefined
  readonly onAlert: (error: CountersignError) => void
}

/** Revokes a version in the store, which does not know that it is revoked. */
export type RevokeAgain = (version: KeyVersion, since: Date) => Promise<void>

const LOCK_ATTEMPTS = 100
const LOCK_WAIT_MS = 50

/** The anchor of the store of this process. */
export class StoreAnchor {
  readonly #options: StoreAnchorOptions
  #known: Anchor
  /** Text of what is stored; written by #write alone. */
  #stored: string | undefined
  /** Both written by check and accept, and read by everyone. */
  #behind: CountersignError | undefined
  #failure: CountersignError | undefined
  /** The check that is under way. */
  #checking: Promise<void> | undefined
  /** The write that is under way or was the last; never rejects. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(options: StoreAnchorOptions, stored: Anchor | undefined) {
    this.#options = options
    this.#known = stored ?? EMPTY_ANCHOR
    this.#stored = stored && serializeAnchor(stored)
  }

  /**
   * Reads the anchor.
   *
   * @throws {@link CountersignError} ERR_FILE_READ — it is damaged: nothing can be said of the store
   */
  static async open(options: StoreAnchorOptions): Promise<StoreAnchor> {
    return new StoreAnchor(options, await options.storage?.read())
  }

  /** What the store must not be behind. */
  get known(): Anchor {
    return this.#known
  }

  /**
   * Makes sure that the store is not behind.
   *
   * @throws {@link CountersignError} ERR_STORE_BEHIND
   */
  readonly assertCurrent = (): void => {
    if (this.#behind !== undefined) throw this.#behind
  }

  /** Whether the store is not behind, as far as is known. */
  get isCurrent(): boolean {
    return this.#behind === undefined
  }

  /** Why the store is behind while its logs have so many entries; undefined: it is not. */
  readonly behindAt = (sizes: Readonly<Record<LogRole, number>>): CountersignError | undefined => {
    const { names } = this.#options
    const shorter = LOG_ROLES.map((role) => {
      const log = logOf(this.#known, role, names[role])
      return log !== undefined && sizes[role] < log.size ? logShorter(sizes[role], log) : undefined
    })
    return this.#behind ?? shorter.find((each) => each !== undefined)
  }

  /**
   * As {@link assertCurrent}, and that the last check could be made and the anchor be written.
   *
   * @throws {@link CountersignError} ERR_STORE_BEHIND, and what {@link check} threw
   */
  readonly assertKept = (): void => {
    this.assertCurrent()
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Since when a version is revoked; undefined: it is not, as far as is known. */
  readonly revokedSince = (kid: string): Date | undefined => this.#known.revoked.get(kid)

  /**
   * Compares the store with the anchor, revokes again what the store forgot, and moves the anchor on where the
   * store is not behind. What is wrong is reported once.
   *
   * @throws {@link CountersignError} the errors of the store, of `revoke` and of the storage
   */
  check(revoke: RevokeAgain): Promise<void> {
    this.#checking ??= this.#reporting(() => this.#check(revoke)).finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  /**
   * Adds the revoked ones among versions that were changed, with the logs that have their entries: a store of before
   * that is then behind, whatever is done in it later. What fails is reported, for a revocation waits for nothing.
   */
  readonly keepRevocation = async (changed: readonly KeyVersion[]): Promise<void> => {
    const revoked = revokedIn({ versions: changed })
    const keep = async (): Promise<void> => {
      const state = await this.#readStore().catch(() => undefined)
      const isKnown = state !== undefined && state.behind === undefined
      await this.#save(isKnown ? mergeAnchors(this.#stateOf(state), revoked) : revoked)
    }
    await this.#reporting(keep).catch(() => undefined)
  }

  /**
   * Goes on with a store that is behind.
   *
   * @throws {@link CountersignError} the errors of the store and of the storage
   */
  async accept(): Promise<void> {
    const state = await this.#readStore()
    this.#behind = undefined
    await this.#save(this.#stateOf(state))
  }

  async #check(revoke: RevokeAgain): Promise<void> {
    const { versions } = await this.#readStore()
    // The active one last: a standby that is revoked too must not take over.
    const unrevoked = findUnrevoked(this.#known, versions).toSorted(
      (a, b) => Number(a.version.state === 'active') - Number(b.version.state === 'active'),
    )
    for (const { version, since } of unrevoked) await revoke(version, since)
    const state = await this.#readStore()
    this.#setBehind(state.behind)
    await this.#save(state.behind === undefined ? this.#stateOf(state) : revokedIn(state))
  }

  #readStore(): Promise<StoreState> {
    const { names, store } = this.#options
    return store.transaction((records) => readStoreState(records, this.#known, names))
  }

  #stateOf({ heads, sequence, versions }: StoreState): Anchor {
    const { names } = this.#options
    const logs = LOG_ROLES.map((log) => {
      const { size, root } = heads[log]
      return { log, origin: names[log], size, root }
    })
    return { ...revokedIn({ versions }), sequence, logs }
  }

  #setBehind(behind: CountersignError | undefined): void {
    const isKnown = behind?.message === this.#behind?.message
    this.#behind = behind
    if (behind !== undefined && !isKnown) this.#options.onAlert(behind)
  }

  async #reporting(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      this.#failure = undefined
    } catch (thrown) {
      const error = toCountersignError(thrown)
      if (this.#failure?.message !== error.message) this.#options.onAlert(error)
      this.#failure = error
      throw error
    }
  }

  /** One write after the other; each has all that is known by then. */
  async #save(more: Anchor): Promise<void> {
    this.#known = mergeAnchors(this.#known, more)
    const written = this.#writing.then(() => this.#write())
    this.#writing = written.catch(() => undefined)
    await written
  }

  async #write(): Promise<void> {
    const { storage } = this.#options
    if (storage === undefined || serializeAnchor(this.#known) === this.#stored) return
    await this.#withLock(async () => {
      // Replicas may share it: what another has written stays.
      const next = await storage.update((stored = EMPTY_ANCHOR) =>
        mergeAnchors(stored, this.#known),
      )
      this.#known = mergeAnchors(this.#known, next)
      this.#stored = serializeAnchor(next)
    })
  }

  async #withLock(work: () => Promise<void>): Promise<void> {
    for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt += 1) {
      const outcome = await this.#options.store.withLock('anchor', async () => {
        await work()
        return true
      })
      if (outcome === true) return
      await setTimeout(LOCK_WAIT_MS)
    }
    throw new CountersignError('ERR_STORE_UNAVAILABLE', 'other replicas keep the anchor locked', {
      hint: 'it is tried again; check the disk or share that log.anchor is on',
    })
  }
}

function revokedIn({ versions }: Pick<StoreState, 'versions'>): Anchor {
  const revoked = versions.flatMap(({ compromisedSince, publicKey }) =>
    compromisedSince === undefined ? [] : [[publicKey.kid, compromisedSince] as const],
  )
  return { ...EMPTY_ANCHOR, revoked: new Map(revoked) }
}
