/** Things that were started, and stop in the reverse order. */
import { type CountersignError, toCountersignError } from '../../errors.ts'

/** Owns what must be stopped. */
export class Lifecycle {
  readonly #owned: (() => PromiseLike<void> | void)[] = []

  /** Takes something over; it is disposed before whatever was taken over earlier. */
  own<T extends AsyncDisposable>(thing: T): T {
    this.#owned.push(() => thing[Symbol.asyncDispose]())
    return thing
  }

  /** Repeats work until stopped; failures are reported, and the work is tried again at its next time. */
  every(
    milliseconds: number,
    work: () => Promise<void>,
    onError: (error: CountersignError) => void,
  ): void {
    const timer = setInterval(() => {
      work().catch((error: unknown) => {
        onError(toCountersignError(error))
      })
    }, milliseconds)
    timer.unref()
    this.#owned.push(() => {
      clearInterval(timer)
    })
  }

  /** Stops everything; one failure does not keep the rest from stopping, and the first is thrown at the end. */
  async stop(): Promise<void> {
    const failures: unknown[] = []
    for (const stop of this.#owned.splice(0).reverse()) {
      try {
        await stop()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw toCountersignError(failures[0])
  }
}
