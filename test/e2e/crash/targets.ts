/** The replicas that listen at this moment, for clients that wait where none does. */

/** Written by the process that starts and kills replicas. */
export class Targets {
  readonly #urls = new Set<string>()
  #change = Promise.withResolvers<undefined>()

  add(url: string): void {
    this.#urls.add(url)
    this.#change.resolve(undefined)
    this.#change = Promise.withResolvers()
  }

  remove(url: string): void {
    this.#urls.delete(url)
  }

  /** Resolves to one of them; waits for the next if none exists, and returns undefined once that is aborted. */
  async pick(random: () => number, signal: AbortSignal): Promise<string | undefined> {
    const aborted = new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true })
    })
    while (this.#urls.size === 0 && !signal.aborted) {
      await Promise.race([this.#change.promise, aborted])
    }
    return [...this.#urls][Math.floor(random() * this.#urls.size)]
  }
}
