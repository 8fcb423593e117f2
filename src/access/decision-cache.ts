/** A bounded memory of decisions: what was asked for longest ago is forgotten first. */
export class DecisionCache<T> {
  readonly #entries = new Map<string, T>()
  readonly #limit: number
  readonly #maxKeyCharacters: number

  /** @param limits - how many decisions, and the longest question, are remembered */
  constructor(limits: { readonly entries: number; readonly keyCharacters: number }) {
    this.#limit = limits.entries
    this.#maxKeyCharacters = limits.keyCharacters
  }

  /** The remembered decision, or a new one, which is remembered; what `decide` throws is not. */
  get(key: string, decide: () => T): T {
    const known = this.#entries.get(key)
    const decision = known ?? decide()
    if (known !== undefined) this.#entries.delete(key)
    if (key.length > this.#maxKeyCharacters) return decision
    this.#entries.set(key, decision)
    if (this.#entries.size > this.#limit) this.#forgetOldest()
    return decision
  }

  #forgetOldest(): void {
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }
}
