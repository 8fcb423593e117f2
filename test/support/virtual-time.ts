/**
 * Time for clients that work against one server at once: it stands still while any of them is at work
 * and jumps to the next who wakes once all of them pause. Races stay, waiting goes.
 *
 * @packageDocumentation
 */

/** A clock shared by a fixed number of workers. */
export class VirtualTime {
  #working: number
  #now = 0
  readonly #sleepers: { readonly wakesAt: number; readonly wake: () => void }[] = []

  constructor(workers: number) {
    this.#working = workers
  }

  /** Pauses one worker; it wakes when all others pause longer, or are done. */
  pause(milliseconds: number): Promise<void> {
    return new Promise((wake) => {
      this.#sleepers.push({ wakesAt: this.#now + milliseconds, wake })
      this.#sleepers.sort((a, b) => a.wakesAt - b.wakesAt)
      this.#rest()
    })
  }

  /** Runs one worker's job to its end. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    try {
      return await job()
    } finally {
      this.#rest()
    }
  }

  #rest(): void {
    this.#working -= 1
    if (this.#working > 0) return
    const next = this.#sleepers.shift()
    if (next === undefined) return
    this.#now = next.wakesAt
    this.#working += 1
    next.wake()
  }
}
