/**
 * A capacity that several parts use, the keys of a service: half of it is divided among them, so that each has
 * something that no other takes, and the rest is for who comes first.
 *
 * @packageDocumentation
 */

/** Counts what is in use by part. A part is one key, or all work that is for no key in particular. */
export class Shares {
  readonly #capacity: number
  readonly #parts: () => number
  /** Without parts that use nothing. */
  readonly #used = new Map<string, number>()
  #total = 0

  /** @param parts - how many there are */
  constructor(capacity: number, parts: () => number) {
    this.#capacity = capacity
    this.#parts = parts
  }

  /** What is in use. */
  get total(): number {
    return this.#total
  }

  /** Whether a part may take so much more. */
  fits(part: string, amount = 1): boolean {
    if (this.#total + amount > this.#capacity) return false
    const parts = Math.max(1, this.#parts())
    const own = Math.floor(this.#capacity / 2 / parts)
    let common = Math.max(0, this.#of(part) + amount - own)
    if (common === 0) return true
    for (const [name, used] of this.#used) if (name !== part) common += Math.max(0, used - own)
    return common <= this.#capacity - parts * own
  }

  /** Takes what {@link fits}. */
  take(part: string, amount = 1): void {
    this.#used.set(part, this.#of(part) + amount)
    this.#total += amount
  }

  /** Gives back what was taken. */
  give(part: string, amount = 1): void {
    const left = this.#of(part) - amount
    if (left > 0) this.#used.set(part, left)
    else this.#used.delete(part)
    this.#total -= amount
  }

  #of(part: string): number {
    return this.#used.get(part) ?? 0
  }
}
