import { storeUnavailable } from '../unavailable.ts'

/** Lets users of one connection have it one after the other, in the order they asked. */
export class Turns {
  readonly #timeoutMs: number
  readonly #waiting: (() => void)[] = []
  #isTaken = false

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /**
   * Waits for one's turn; it lasts until {@link Turns.end}.
   *
   * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — those before did not end in time
   */
  async begin(): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const start = (): void => {
      clearTimeout(timer)
      resolve(undefined)
    }
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(start), 1)
      reject(storeUnavailable(`other transactions took over ${this.#timeoutMs} ms`))
    }, this.#timeoutMs)
    this.#waiting.push(start)
    await promise
  }

  /** Ends a turn and begins the next one's. */
  end(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#isTaken = false
    else next()
  }
}
