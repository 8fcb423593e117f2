/**
 * Keeps the published pages in memory, so that serving one computes nothing: rebuilt at every change of
 * keys, and at every deadline at which time alone changes them. The signed key history is that of all
 * replicas: see {@link SharedHistory}.
 *
 * @packageDocumentation
 */
import { CountersignError, type ErrorCode, toCountersignError } from '../../errors.ts'
import type { StartTimer } from '../../basics/timer.ts'
import type { Keyring } from '../../rotation/keyring.ts'
import { historyPage, publishPages, type PublishedPage } from './published-pages.ts'
import { SharedHistory, type SharedHistoryOptions, type SignedHistory } from './shared-history.ts'

/** Where the signed key history is. */
export const KEY_HISTORY_PATH = '/trust/keys.json'

/** How often the stored history is compared, and a signature that failed tried again. */
const CHECK_MS = 5000

/** How long one cause is not reported again. */
const ALERT_MS = 60_000

/** Part of its life after which a history that could not be renewed fails readiness. */
const OVERDUE_SHARE = 0.75

/** Node's timers go no further than 24 days; one that fires early only looks again. */
const MAX_TIMER_MS = 24 * 3600 * 1000

/** What publications are made of. */
export interface PublicationOptions extends SharedHistoryOptions {
  readonly keyring: Pick<Keyring, 'snapshot' | 'onChange'>
  /** How long ago the keyring last read the store; left out, just now. */
  readonly ageMs?: () => number
  /** Calls back when another replica has stored a history; returns how to stop. */
  readonly onAnnouncement: (listener: () => void) => () => void
  readonly startTimer: StartTimer
  /** Called when the history cannot be signed; the one before stays up meanwhile. */
  readonly onError: (error: CountersignError) => void
}

/** The pages as they are now. */
export interface Publications extends Disposable {
  /**
   * The page of a path; undefined if it does not exist, or the history has not been signed yet.
   *
   * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — the store was last read longer ago than the page's
   * `max-age` (15 s at the least): a replica that is cut off does not know of a revocation
   */
  readonly page: (path: string) => PublishedPage | undefined
  /** Fulfils when the newest change is signed, or has failed to be. */
  readonly settled: () => Promise<void>
  /** The signed key history that is served. */
  readonly served: () => SignedHistory | undefined
  /**
   * Makes sure that the history was renewed in time.
   *
   * @throws {@link CountersignError} ERR_TRUST_EXPIRED — it is not signed, or will soon be refused
   */
  readonly assertRenewed: () => void
}

/** Builds the pages and keeps them right until disposed. */
export function createPublications(options: PublicationOptions): Publications {
  return new KeptPublications(options)
}

class KeptPublications implements Publications {
  readonly #options: PublicationOptions
  readonly #shared: SharedHistory
  readonly #stopListening: readonly (() => void)[]
  /** Both written by #rebuild. */
  #pages: ReadonlyMap<string, PublishedPage> = new Map()
  #stopDeadline: () => void = () => undefined
  /** Written by #signNewest, which runs once at a time. */
  #history: PublishedPage | undefined
  #isSigning = false
  /** What was reported last; written by #alert and cleared when signing succeeds. */
  #alerted: { readonly code: ErrorCode; readonly untilMs: number } | undefined
  #signing: Promise<void> | undefined
  #stopCheck: () => void = () => undefined
  #isDisposed = false

  constructor(options: PublicationOptions) {
    this.#options = options
    this.#shared = new SharedHistory(options)
    this.#stopListening = [
      options.keyring.onChange(() => {
        this.#update()
      }),
      options.onAnnouncement(() => {
        this.#compare()
      }),
    ]
    this.#update()
  }

  readonly page = (path: string): PublishedPage | undefined => {
    const page = path === KEY_HISTORY_PATH ? this.#history : this.#pages.get(path)
    const ageMs = this.#options.ageMs?.() ?? 0
    if (page !== undefined && ageMs > vouchesMs(page)) throw cutOff(ageMs)
    return page
  }

  readonly settled = async (): Promise<void> => {
    await this.#signing
  }

  readonly served = (): SignedHistory | undefined => this.#shared.served

  readonly assertRenewed = (): void => {
    const times = this.#shared.served?.times
    if (times === undefined) throw notRenewed('no key history is signed')
    const { expires, issuedAt } = times
    const lifeMs = expires.getTime() - issuedAt.getTime()
    if (this.#options.now().getTime() < issuedAt.getTime() + lifeMs * OVERDUE_SHARE) return
    throw notRenewed(
      `the key history was not renewed; clients refuse it at ${expires.toISOString()}`,
    )
  };

  [Symbol.dispose](): void {
    this.#isDisposed = true
    for (const stop of this.#stopListening) stop()
    this.#stopDeadline()
    this.#stopCheck()
  }

  /** Pages first: a revoked key leaves the JWKS at once, whatever the backend of the trust key does. */
  #update(): void {
    this.#rebuild()
    this.#compare()
  }

  #compare(): void {
    if (!this.#isSigning && !this.#isDisposed) this.#signing = this.#signNewest()
  }

  #rebuild(): void {
    const { keyring, names, now, startTimer } = this.#options
    const { pages, nextChangeAt } = publishPages(keyring.snapshot, names, now())
    this.#pages = pages
    this.#stopDeadline()
    if (nextChangeAt === undefined) return
    const milliseconds = Math.max(1, nextChangeAt.getTime() - now().getTime())
    this.#stopDeadline = startTimer(
      () => {
        this.#rebuild()
      },
      Math.min(milliseconds, MAX_TIMER_MS),
    )
  }

  /** Signs until what is signed is what is there; changes meanwhile share the next signature. */
  async #signNewest(): Promise<void> {
    const { keyring } = this.#options
    this.#stopCheck()
    this.#isSigning = true
    try {
      let { snapshot } = keyring
      for (;;) {
        const { envelope, times } = await this.#shared.newest(snapshot)
        this.#history = historyPage(envelope, times, snapshot)
        this.#alerted = undefined
        if (snapshot === keyring.snapshot || this.#isDisposed) break
        snapshot = keyring.snapshot
      }
    } catch (error) {
      this.#alert(toCountersignError(error))
    } finally {
      // In the same turn as the last look at the snapshot, so no change falls between.
      this.#isSigning = false
      this.#checkLater()
    }
  }

  #checkLater(): void {
    if (this.#isDisposed) return
    this.#stopCheck = this.#options.startTimer(() => {
      this.#compare()
    }, CHECK_MS)
  }

  /** Once a minute for each cause: it is tried every few seconds, for hours if a device is unavailable. */
  #alert(cause: CountersignError): void {
    const now = this.#options.now().getTime()
    const { code, untilMs } = this.#alerted ?? {}
    if (code === cause.code && untilMs !== undefined && now < untilMs) return
    this.#alerted = { code: cause.code, untilMs: now + ALERT_MS }
    const expires = this.#shared.served?.times.expires.toISOString()
    const end =
      expires === undefined ? 'none is served' : `clients refuse the last one at ${expires}`
    const message = `the key history cannot be signed: ${cause.message}; ${end}`
    this.#options.onError(new CountersignError(cause.code, message, { hint: RUNBOOK, cause }))
  }
}

const RUNBOOK = 'follow docs/runbooks/trust-key.md before clients stop verifying'

function notRenewed(message: string): CountersignError {
  return new CountersignError('ERR_TRUST_EXPIRED', message, { hint: RUNBOOK })
}

/** The store is read every few seconds, so a shorter time would end between two reads of a healthy replica. */
const LEAST_VOUCHED_MS = 15_000

function vouchesMs({ maxAgeSeconds }: PublishedPage): number {
  return Math.max(maxAgeSeconds * 1000, LEAST_VOUCHED_MS)
}

function cutOff(ageMs: number): CountersignError {
  const seconds = Math.floor(ageMs / 1000)
  return new CountersignError(
    'ERR_STORE_UNAVAILABLE',
    `the keys were last read from the store ${seconds} s ago, so this replica does not vouch for them`,
    { hint: 'ask another replica; this one goes on by itself once it reaches the store' },
  )
}
