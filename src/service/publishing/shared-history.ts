/**
 * The signed key history that all replicas serve: one document in the store. Whichever replica notices first
 * that it is out of date signs the next one, and compare-and-swap lets one of several win.
 *
 * One number has one content for ever, since clients refuse two: where this replica would publish something
 * else under a number that is taken (another release, another configuration), it takes the next number; when
 * it starts, and at the renewal, so that replicas of two releases do not outdo each other all the time.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'
import { addSeconds } from '../../keys/deadlines.ts'
import { isSameContent, type KeyHistory, parseKeyHistory } from '../../keys/key-history.ts'
import type { KeyRecords } from '../../keys/key-records.ts'
import { publishKeyHistory } from '../../keys/publication.ts'
import {
  createTimes,
  type PublicationLifetimes,
  type PublicationTimes,
} from '../../keys/publication-times.ts'
import type { KeyringSnapshot } from '../../rotation/keyring.ts'
import type { Signer } from '../../signing/signer.ts'
import type { PublicationRecords } from '../../store/store.ts'
import { createHistory, type PublisherNames, signHistory } from './published-pages.ts'

/** What the history needs of a transaction. */
export interface HistoryRecords {
  readonly publications: PublicationRecords
  readonly keys: Pick<KeyRecords, 'nextSequence'>
  readonly announce: () => void
}

/** What a shared history is made of. */
export interface SharedHistoryOptions {
  readonly store: { transaction<T>(work: (records: HistoryRecords) => Promise<T>): Promise<T> }
  readonly names: PublisherNames
  readonly lifetimes: PublicationLifetimes
  /** Opens the trust key's active version. */
  readonly trustSigner: () => Promise<Signer>
  readonly now: () => Date
  /** From 0 up to 1; spreads the replicas, so that one of them signs. */
  readonly random: () => number
}

/** A history as it is served. */
export interface SignedHistory {
  readonly envelope: Uint8Array
  readonly history: KeyHistory
  readonly times: PublicationTimes
}

/** Part of its life after which a history is signed again, and how much later a replica may come. */
const RENEWAL = { share: 0.5, spread: 0.05 }
/** How far the clocks of replicas may differ before a history counts as one from the future. */
const CLOCK_TOLERANCE_SECONDS = 60
const MAX_ATTEMPTS = 5

/** Keeps the stored history up to date. */
export class SharedHistory {
  readonly #options: SharedHistoryOptions
  readonly #renewalShare: number
  /** Both written by #serve. */
  #served: SignedHistory | undefined
  #isStarting = true

  constructor(options: SharedHistoryOptions) {
    this.#options = options
    this.#renewalShare = RENEWAL.share + RENEWAL.spread * options.random()
  }

  /** What was found or signed last. */
  get served(): SignedHistory | undefined {
    return this.#served
  }

  /**
   * The history of a snapshot: the stored one where it is up to date, else a new one, signed and stored.
   *
   * @throws {@link CountersignError} ERR_STATE_CONFLICT — other replicas were faster every time;
   * ERR_STORE_UNAVAILABLE; and the errors of the trust key's backend
   */
  async newest(snapshot: KeyringSnapshot): Promise<SignedHistory> {
    const { store } = this.#options
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const seen = await store.transaction(({ publications }) => publications.keyHistory())
      const stored = seen && this.#open(seen, snapshot)
      if (stored !== undefined && !this.#isDue(stored, snapshot)) return this.#serve(stored)
      const next = await this.#sign(snapshot, stored)
      if (await this.#swap(next, seen, snapshot)) return this.#serve(next)
    }
    throw conflict()
  }

  #serve(history: SignedHistory): SignedHistory {
    this.#isStarting = false
    return (this.#served = history)
  }

  /** What is stored is believed by its signature alone: others may write to the database. */
  #open(envelope: Uint8Array, snapshot: KeyringSnapshot): SignedHistory | undefined {
    if (this.#served !== undefined && Buffer.from(envelope).equals(this.#served.envelope)) {
      return this.#served
    }
    const { trustKeys = [] } = publishKeyHistory(snapshot)
    try {
      const history = parseKeyHistory(envelope, ...trustKeys)
      return history.times && { envelope, history, times: history.times }
    } catch (error) {
      // Signed by an earlier version of the trust key, or changed: either way it is replaced.
      if (CountersignError.is(error)) return undefined
      throw error
    }
  }

  #isDue(stored: SignedHistory, snapshot: KeyringSnapshot): boolean {
    const { sequence } = stored.history
    // A larger number is of a change that this replica reads in a moment.
    if (sequence !== snapshot.sequence) return sequence < snapshot.sequence
    if (this.#isFuture(stored) || this.#wentBack(stored)) return true
    const { issuedAt } = stored.times
    const lifeMs = Math.min(
      stored.times.expires.getTime() - issuedAt.getTime(),
      this.#options.lifetimes.expiresSeconds * 1000,
    )
    const renewalMs = issuedAt.getTime() + lifeMs * this.#renewalShare
    if (this.#options.now().getTime() >= renewalMs) return true
    return this.#isStarting && !isSameContent(this.#content(snapshot), stored.history)
  }

  /** Signed by a clock that was ahead: clients refuse it until then. */
  #isFuture({ times }: SignedHistory): boolean {
    return times.issuedAt > addSeconds(this.#options.now(), CLOCK_TOLERANCE_SECONDS)
  }

  /** An older copy that was put back into the database. */
  #wentBack({ history, times }: SignedHistory): boolean {
    const served = this.#served
    return served?.history.sequence === history.sequence && times.issuedAt < served.times.issuedAt
  }

  #content(snapshot: KeyringSnapshot): KeyHistory {
    return createHistory(snapshot, this.#options.names)
  }

  async #sign(
    snapshot: KeyringSnapshot,
    stored: SignedHistory | undefined,
  ): Promise<SignedHistory> {
    const { lifetimes, now, trustSigner } = this.#options
    const content = this.#content(snapshot)
    const same = [stored, this.#served].filter(
      (one) => one?.history.sequence === snapshot.sequence && !this.#isFuture(one),
    )
    const isTaken =
      stored?.history.sequence === snapshot.sequence &&
      (this.#isFuture(stored) || !isSameContent(content, stored.history))
    const earlier = same.map((one) => one?.times.issuedAt.getTime() ?? 0)
    const times = createTimes(new Date(Math.max(now().getTime(), ...earlier)), lifetimes)
    const sequence = isTaken ? snapshot.sequence + 1 : snapshot.sequence
    const history = { ...content, sequence, times }
    return { envelope: await signHistory(history, await trustSigner()), history, times }
  }

  async #swap(
    { envelope, history }: SignedHistory,
    seen: Uint8Array | undefined,
    snapshot: KeyringSnapshot,
  ): Promise<boolean> {
    return this.#options.store.transaction(async ({ announce, keys, publications }) => {
      if (!(await publications.swapKeyHistory(envelope, seen))) return false
      const isNext = history.sequence > snapshot.sequence
      if (isNext && (await keys.nextSequence()) !== history.sequence) throw conflict()
      announce()
      return true
    })
  }
}

function conflict(): CountersignError {
  return new CountersignError(
    'ERR_STATE_CONFLICT',
    'other replicas changed the key history first',
    {
      hint: 'it is tried again in a moment',
    },
  )
}
