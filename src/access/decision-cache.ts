/** A bounded memory of decisions: what was asked for longest ago is forgotten first. */
import { LruMap } from '../basics/lru-map.ts'

/** Remembers decisions. */
export class DecisionCache<T> {
  readonly #entries: LruMap<T>
  readonly #maxKeyCharacters: number

  /** @param limits - how many decisions, and the longest question, are remembered */
  constructor(limits: { readonly entries: number; readonly keyCharacters: number }) {
    this.#entries = new LruMap(limits.entries)
    this.#maxKeyCharacters = limits.keyCharacters
  }

  /** The remembered decision, or a new one, which is remembered; what `decide` throws is not. */
  get(key: string, decide: () => T): T {
    if (key.length > this.#maxKeyCharacters) return decide()
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const decision = decide()
    this.#entries.set(key, decision)
    return decision
  }
}
