/** A model of what verifiers do with a JWKS, in whole seconds. */

/** A JWKS as it was fetched. */
export interface FetchedSet {
  readonly kids: ReadonlySet<string>
  readonly maxAgeSeconds: number
}

/** How a verifier keeps what it fetched; see src/keys/verifier-classes.ts. */
export interface CacheHabits {
  readonly keeps: number | 'max-age' | 'until-unknown-kid'
  /** Seconds between fetches for an unknown `kid`; undefined: it never fetches for one. */
  readonly cooldown: number | undefined
  /** How far its clock is ahead of true time. */
  readonly skew: number
}

/** One verifier with its cache. */
export class CachingVerifier {
  /** May change; what was fetched before is kept as it was meant to be. */
  habits: CacheHabits
  readonly #fetch: () => FetchedSet
  #set: FetchedSet | undefined
  #fetchedAt = 0
  #expiresAt = Infinity

  constructor(habits: CacheHabits, fetch: () => FetchedSet) {
    this.habits = habits
    this.#fetch = fetch
  }

  /** Fetches now, whatever it has. */
  poll(time: number): FetchedSet {
    const { keeps } = this.habits
    this.#fetchedAt = time
    this.#set = this.#fetch()
    const seconds = keeps === 'max-age' ? this.#set.maxAgeSeconds : keeps
    this.#expiresAt = seconds === 'until-unknown-kid' ? Infinity : time + seconds
    return this.#set
  }

  /** When it fetches again by itself. */
  get expiresAt(): number {
    return this.#expiresAt
  }

  /** Whether it finds the key of a token. */
  knows(kid: string, time: number): boolean {
    const isFresh = this.#set !== undefined && time < this.expiresAt
    const set = isFresh && this.#set !== undefined ? this.#set : this.poll(time)
    if (set.kids.has(kid)) return true
    const { cooldown } = this.habits
    if (cooldown === undefined || time - this.#fetchedAt < cooldown) return false
    return this.poll(time).kids.has(kid)
  }
}
