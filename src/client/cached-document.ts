/**
 * A document of a service that is kept, on disk too, and fetched again when its time is over. Never
 * fetched twice at once; never older than its bound without saying so.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { JsonObject } from '../formats/json.ts'
import type { BoundedGet, BoundedGetAnswer } from './bounded-get.ts'

/** A document as it was fetched. */
export interface StoredDocument {
  readonly body: Uint8Array
  readonly etag: string | undefined
  readonly fetchedAt: Date
  readonly freshSeconds: number
  /** What it takes, beside the body, to judge it again when it is read. */
  readonly context: JsonObject
}

/** Where a document is kept between runs. */
export interface DocumentCopy {
  /** The copy; undefined if it is absent or damaged. */
  read(): Promise<StoredDocument | undefined>
  write(document: StoredDocument): Promise<void>
}

/** How long a document is kept and how often it is asked for. */
export interface CacheBounds {
  /** However short its `max-age`, it is asked for again no sooner. */
  readonly leastFreshSeconds: number
  /** However long its `max-age`, it is asked for again no later. */
  readonly mostFreshSeconds: number
  /** Its `max-age` where neither the answer nor the document has one. */
  readonly usualFreshSeconds: number
  /** How long it serves on after that time while the service does not answer (RFC 5861 section 4). */
  readonly maxStaleSeconds: number
  /** Least time between two fetches that unknown keys cause. */
  readonly cooldownSeconds: number
  /** Least time between two fetches from a service that does not answer. */
  readonly failureCooldownSeconds: number
}

const DEFAULT_BOUNDS: CacheBounds = {
  leastFreshSeconds: 10,
  mostFreshSeconds: 24 * 60 * 60,
  usualFreshSeconds: 10,
  maxStaleSeconds: 60 * 60,
  cooldownSeconds: 30,
  failureCooldownSeconds: 30,
}

/** What a {@link CachedDocument} is made of. */
export interface CachedDocumentOptions<T> {
  readonly url: URL
  readonly get: BoundedGet
  /** Media types that are taken; any where left out. */
  readonly mediaTypes?: readonly string[]
  readonly maxBytes: number
  /** Judges a document from the network, which may be hostile; throws to refuse it. */
  readonly accept: (body: Uint8Array, previous: T | undefined) => T
  /** Judges whether a value still counts, each time before it is used; throws where its time is over. */
  readonly assertUsable?: (value: T) => void
  /** Judges a document from its copy; throws where it is damaged or changed, and it is then not used. */
  readonly restore: (body: Uint8Array, context: JsonObject) => T
  /** The `max-age` that the document itself states, for answers that lost theirs on the way. */
  readonly maxAgeOf?: (value: T) => number | undefined
  /** Whether the held document serves on after this error; default: the service did not answer. */
  readonly isPassing?: (error: CountersignError) => boolean
  /** Called with every fetch that failed, also where the held document serves on. */
  readonly onFailure?: ((error: unknown) => void) | undefined
  /** What {@link CachedDocumentOptions.restore} needs to judge this value's document again. */
  readonly contextOf: (value: T) => JsonObject
  readonly now: () => Date
  /** From 0 up to 1; spreads the requests of many clients, protects nothing. */
  readonly random: () => number
  readonly copy?: DocumentCopy | undefined
  readonly bounds?: Partial<CacheBounds> | undefined
}

/** A value with the document it was read from. */
export interface HeldDocument<T> {
  readonly value: T
  readonly fetchedAt: Date
}

interface Held<T> extends HeldDocument<T> {
  readonly stored: StoredDocument
  readonly freshUntilMs: number
}

/** Beyond the lifetime that caches may give a document: how long replicas may take to agree on a newer one. */
const SETTLING_SECONDS = 60
const LATE_PAUSE_MS = 250
/** Part of its lifetime by which a document is asked for earlier at random. */
const JITTER = 0.1

/** Keeps one document. */
export class CachedDocument<T> {
  readonly #options: CachedDocumentOptions<T>
  readonly #bounds: CacheBounds
  /** Written by #hold alone. */
  #held: Held<T> | undefined
  /** Why the copy was not taken; written by #restore alone. */
  #refusal: CountersignError | undefined
  #loading: Promise<void> | undefined
  #refreshing: Promise<T> | undefined
  #lastTryMs = -Infinity
  /** Why the last fetch failed; undefined once one succeeded. */
  #failure: { readonly error: unknown; readonly atMs: number } | undefined

  constructor(options: CachedDocumentOptions<T>) {
    this.#options = options
    this.#bounds = { ...DEFAULT_BOUNDS, ...options.bounds }
  }

  /**
   * The value, fetched where its time is over; while the service does not answer, the old one.
   *
   * @throws {@link CountersignError} ERR_TRUST_STALE — older than its bound, and the service does not
   * answer; ERR_NETWORK, ERR_TIMEOUT — none exists yet; and whatever refuses the document
   */
  async current(): Promise<T> {
    await this.#load()
    const held = this.#held
    if (held !== undefined && this.#isFresh(held)) return held.value
    return this.#fetchOrKeep(undefined)
  }

  /**
   * The value after checking for a newer one: for a key that is not in it. An attacker can make up unknown
   * keys, so between two checks there is a pause, in which it returns what it has.
   *
   * @throws {@link CountersignError} as {@link CachedDocument.current}
   */
  async newest(): Promise<T> {
    await this.#load()
    return this.#fetchOrKeep(this.#lastTryMs)
  }

  /** Why the last fetch failed; undefined if none was made since one succeeded. */
  get failure(): CountersignError | undefined {
    const error = this.#failure?.error
    return CountersignError.is(error) ? error : undefined
  }

  /**
   * Fetches now, whatever is held.
   *
   * @throws {@link CountersignError} whatever keeps it from being fetched, accepted or kept on disk
   */
  async refresh(): Promise<T> {
    await this.#load()
    this.#refreshing ??= this.#fetch().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /**
   * What is held, in memory or as a copy, whether or not its time is over; opens no connection.
   *
   * @throws {@link CountersignError} whatever refuses the copy, where nothing was fetched since
   */
  async held(): Promise<HeldDocument<T> | undefined> {
    await this.#load()
    if (this.#held === undefined && this.#refusal !== undefined) throw this.#refusal
    return this.#held
  }

  #isFresh({ value, freshUntilMs }: Held<T>): boolean {
    if (this.#options.now().getTime() >= freshUntilMs) return false
    try {
      this.#options.assertUsable?.(value)
      return true
    } catch (error) {
      // Past its time before its `max-age`: a newer one is asked for.
      if (CountersignError.is(error)) return false
      throw error
    }
  }

  async #fetchOrKeep(checkedMs: number | undefined): Promise<T> {
    if (this.#refreshing === undefined && this.#isCooling(checkedMs)) return this.#fallBack()
    const held = this.#held
    try {
      return await this.refresh()
    } catch (error) {
      // It was fetched and accepted; only its copy could not be kept, in a home that is read-only, say.
      const isUnkept = CountersignError.is(error, 'ERR_FILE_WRITE')
      if (isUnkept && this.#held !== undefined) return this.#usable(this.#held)
      if (held !== undefined && this.#isLate(held, error)) return this.#keepAwhile(held)
      this.#failure = { error, atMs: this.#lastTryMs }
      this.#options.onFailure?.(error)
      return this.#fallBack()
    }
  }

  /** Whether it is too early for another fetch: soon after a failure, or after the last check for a newer one. */
  #isCooling(checkedMs: number | undefined): boolean {
    const nowMs = this.#options.now().getTime()
    const { cooldownSeconds, failureCooldownSeconds } = this.#bounds
    // A clock that was put back must not stop the fetches.
    const isWithin = (sinceMs: number, seconds: number): boolean =>
      nowMs >= sinceMs && nowMs - sinceMs < seconds * 1000
    if (this.#failure !== undefined) return isWithin(this.#failure.atMs, failureCooldownSeconds)
    return (
      checkedMs !== undefined && this.#held !== undefined && isWithin(checkedMs, cooldownSeconds)
    )
  }

  /** What is held, while it may serve on; otherwise the failure that nothing makes up for. */
  #fallBack(): T {
    const held = this.#held
    const error = this.#failure?.error
    const { isPassing = isOutage } = this.#options
    const servesOn = error === undefined || (CountersignError.is(error) && isPassing(error))
    if (held === undefined || !servesOn) throw error
    return this.#keep(held, error)
  }

  /**
   * Whether an older document than the one held may come from a replica, or a cache on the way, that has
   * not heard of the newer one yet. The older one is refused all the same; later it is an attack, or a
   * service that lost something, and said to be one.
   */
  #isLate({ fetchedAt, stored }: Held<T>, error: unknown): boolean {
    const ageSeconds = (this.#options.now().getTime() - fetchedAt.getTime()) / 1000
    const isOlder = CountersignError.is(error, 'ERR_TRUST_ROLLED_BACK')
    return isOlder && ageSeconds <= stored.freshSeconds + SETTLING_SECONDS
  }

  /** The value, with another check soon, when a late replica has the change too. */
  #keepAwhile(held: Held<T>): T {
    this.#held = { ...held, freshUntilMs: this.#options.now().getTime() + LATE_PAUSE_MS }
    return this.#usable(held)
  }

  #usable({ value }: Held<T>): T {
    this.#options.assertUsable?.(value)
    return value
  }

  #keep(held: Held<T>, cause: unknown): T {
    const { fetchedAt, stored } = held
    const ageSeconds = (this.#options.now().getTime() - fetchedAt.getTime()) / 1000
    const maxStaleSeconds = stored.freshSeconds + this.#bounds.maxStaleSeconds
    if (ageSeconds < maxStaleSeconds) return this.#usable(held)
    const { url } = this.#options
    throw new CountersignError(
      'ERR_TRUST_STALE',
      `the copy of ${url.href} is of ${fetchedAt.toISOString()}, older than ${maxStaleSeconds} s, and there is no newer one`,
      {
        hint: `check that ${url.origin} answers from this machine, and try again`,
        details: { url: url.href, fetchedAt: fetchedAt.toISOString(), maxStaleSeconds },
        cause,
      },
    )
  }

  async #fetch(): Promise<T> {
    const { url, get, mediaTypes, maxBytes, now, copy, ...judge } = this.#options
    const { accept, assertUsable, contextOf } = judge
    this.#lastTryMs = now().getTime()
    const before = this.#held
    const etag = before?.stored.etag
    const headers = etag === undefined ? {} : { 'if-none-match': etag }
    const answer = await get({ url, maxBytes, headers, ...(mediaTypes && { mediaTypes }) })
    const isSame = before !== undefined && isUnchanged(answer, before.stored)
    const body = isSame ? before.stored.body : answer.body
    // An unchanged document stays the same value, by which callers recognise what they derived from it.
    const value = isSame ? before.value : accept(body, before?.value)
    assertUsable?.(value)
    const stored: StoredDocument = {
      body,
      etag: answer.status === 304 ? etag : answer.headers.etag,
      fetchedAt: now(),
      freshSeconds: this.#freshSeconds(answer, value),
      context: isSame ? before.stored.context : contextOf(value),
    }
    this.#hold(value, stored)
    this.#failure = undefined
    await copy?.write(stored)
    return value
  }

  /** RFC 9111: what `max-age` grants, less what the answer has already spent in caches on its way. */
  #freshSeconds({ headers }: BoundedGetAnswer, value: T): number {
    const maxAge = /(?:^|[\s,])max-age=(\d{1,9})(?:[\s,]|$)/i.exec(headers['cache-control'] ?? '')
    const age = /^\d{1,9}$/.test(headers.age ?? '') ? Number(headers.age) : 0
    const { leastFreshSeconds, mostFreshSeconds, usualFreshSeconds } = this.#bounds
    const stated = this.#options.maxAgeOf?.(value)
    const answered = maxAge === null ? undefined : Number(maxAge[1])
    const granted = Math.min(answered ?? Infinity, stated ?? Infinity)
    const left = (granted === Infinity ? usualFreshSeconds : granted) - age
    return Math.min(mostFreshSeconds, Math.max(leastFreshSeconds, left))
  }

  #hold(value: T, stored: StoredDocument): void {
    const { fetchedAt, freshSeconds } = stored
    const boundSeconds = Math.min(freshSeconds, this.#bounds.mostFreshSeconds)
    const lifetimeMs = boundSeconds * 1000 * (1 - JITTER * this.#options.random())
    // A copy from the future (a clock that was set back) is asked for again at once.
    const isFuture = fetchedAt > this.#options.now()
    const freshUntilMs = isFuture ? -Infinity : fetchedAt.getTime() + lifetimeMs
    this.#held = { value, stored, fetchedAt, freshUntilMs }
  }

  /** Reads the copy once, before anything else. */
  #load(): Promise<void> {
    this.#loading ??= this.#restore()
    return this.#loading
  }

  async #restore(): Promise<void> {
    const stored = await this.#options.copy?.read()
    if (stored === undefined) return
    try {
      this.#hold(this.#options.restore(stored.body, stored.context), stored)
    } catch (error) {
      if (!CountersignError.is(error)) throw error
      this.#refusal = refusedCopy(error)
    }
  }
}

/** The service does not answer, or not usably. */
function isOutage({ code }: CountersignError): boolean {
  return code === 'ERR_NETWORK' || code === 'ERR_TIMEOUT'
}

function isUnchanged({ status, body }: BoundedGetAnswer, { body: held }: StoredDocument): boolean {
  return status === 304 || (body.length === held.length && Buffer.compare(body, held) === 0)
}

function refusedCopy(cause: CountersignError): CountersignError {
  const { code, message, details } = cause
  return new CountersignError(code, `the copy on this machine is refused: ${message}`, {
    hint: 'it was changed or damaged; fetch it again while connected',
    details,
    cause,
  })
}

/**
 * Refuses a publication that is older than the one already seen: an attacker or a cache on the way
 * replays it.
 *
 * @throws {@link CountersignError} ERR_TRUST_ROLLED_BACK
 */
export function assertNotRolledBack(
  url: URL,
  seen: number | undefined,
  found: number | undefined,
): void {
  if (seen === undefined || (found !== undefined && found >= seen)) return
  throw new CountersignError(
    'ERR_TRUST_ROLLED_BACK',
    `${url.href} answers with sequence ${found ?? 'none'}, and ${seen} was seen before`,
    {
      hint: 'a cache or an attacker between you and the service returns an old copy; try another network, and report it to the operator of the service',
      details: { url: url.href, seen, ...(found !== undefined && { found }) },
    },
  )
}
