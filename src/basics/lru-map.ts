/** A bounded memory. */

/** A map that forgets first what was used longest ago. */
export class LruMap<T> {
  readonly #limit: number
  /** The least recently used comes first; {@link get} and {@link set} keep that order. */
  readonly #entries = new Map<string, T>()

  /** @param limit - most entries that are remembered */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The value of a key, which is thereby used; undefined if absent. */
  get(key: string): T | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  /** Remembers a value, in place of an earlier one of its key. */
  set(key: string, value: T): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > this.#limit && oldest !== undefined) this.#entries.delete(oldest)
  }

  /** Forgets a key. */
  delete(key: string): void {
    this.#entries.delete(key)
  }
}
