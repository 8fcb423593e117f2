/**
 * Keeps the published pages in memory, so that serving one computes nothing: rebuilt at every change of
 * keys, and at every deadline at which time alone changes them.
 *
 * @packageDocumentation
 */
import { type CountersignError, toCountersignError } from '../errors.ts'
import type { StartTimer } from '../log/timer.ts'
import type { Keyring, KeyringSnapshot } from '../rotation/keyring.ts'
import type { Signer } from '../signing/signer.ts'
import { publishPages, publishSignedHistory, type PublishedPage } from './published-pages.ts'

/** Where the signed key history is. */
export const KEY_HISTORY_PATH = '/trust/keys.json'

/** A signature that failed is tried again after this. */
const RETRY_MS = 5000

/** Node's timers go no further than 24 days; one that fires early only looks again. */
const MAX_TIMER_MS = 24 * 3600 * 1000

/** What publications are made of. */
export interface PublicationOptions {
  readonly keyring: Pick<Keyring, 'snapshot' | 'onChange'>
  /** Address of the service. */
  readonly issuer: string
  /** Opens the trust key's active version. */
  readonly trustSigner: () => Promise<Signer>
  readonly now: () => Date
  readonly startTimer: StartTimer
  /** Told when the history can't be signed; the one before stays up meanwhile. */
  readonly onError: (error: CountersignError) => void
}

/** The pages as they are now. */
export interface Publications extends Disposable {
  /** The page of a path; undefined where there is none, or the history has not yet been signed. */
  readonly page: (path: string) => PublishedPage | undefined
  /** Fulfils when the newest change is signed, or has failed to be. */
  readonly settled: () => Promise<void>
}

/** Builds the pages and keeps them right until disposed. */
export function createPublications(options: PublicationOptions): Publications {
  return new KeptPublications(options)
}

class KeptPublications implements Publications {
  readonly #options: PublicationOptions
  readonly #stopListening: () => void
  /** Both written by #rebuild. */
  #pages: ReadonlyMap<string, PublishedPage> = new Map()
  #stopDeadline: () => void = () => undefined
  /** Written by #signNewest, which runs once at a time. */
  #history: PublishedPage | undefined
  #signed: KeyringSnapshot | undefined
  #isSigning = false
  #signing: Promise<void> | undefined
  #stopRetry: () => void = () => undefined
  #isDisposed = false

  constructor(options: PublicationOptions) {
    this.#options = options
    this.#stopListening = options.keyring.onChange(() => {
      this.#update()
    })
    this.#update()
  }

  readonly page = (path: string): PublishedPage | undefined =>
    path === KEY_HISTORY_PATH ? this.#history : this.#pages.get(path)

  readonly settled = async (): Promise<void> => {
    await this.#signing
  };

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#stopListening()
    this.#stopDeadline()
    this.#stopRetry()
  }

  /** Pages first: a revoked key leaves the JWKS at once, whatever the backend of the trust key does. */
  #update(): void {
    this.#rebuild()
    if (!this.#isSigning) this.#signing = this.#signNewest()
  }

  #rebuild(): void {
    const { keyring, issuer, now, startTimer } = this.#options
    const { pages, nextChangeAt } = publishPages(keyring.snapshot, issuer, now())
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
    const { keyring, issuer, trustSigner, onError } = this.#options
    this.#stopRetry()
    this.#isSigning = true
    try {
      while (this.#signed !== keyring.snapshot && !this.#isDisposed) {
        const { snapshot } = keyring
        this.#history = await publishSignedHistory(snapshot, issuer, await trustSigner())
        this.#signed = snapshot
      }
    } catch (error) {
      onError(toCountersignError(error))
      this.#retryLater()
    } finally {
      // In the same turn as the last look at the snapshot, so no change falls between.
      this.#isSigning = false
    }
  }

  #retryLater(): void {
    if (this.#isDisposed) return
    this.#stopRetry = this.#options.startTimer(() => {
      this.#update()
    }, RETRY_MS)
  }
}
