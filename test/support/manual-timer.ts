import type { StartTimer } from '../../src/basics/timer.ts'

/** Timers that go off when the test says so. */
export class ManualTimer {
  #now = 0
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>()

  #started: (() => void) | undefined

  readonly start: StartTimer = (run, milliseconds) => {
    const timer = { at: this.#now + milliseconds, run }
    this.#timers.add(timer)
    this.#started?.()
    return () => this.#timers.delete(timer)
  }

  /** Timers that have not gone off. */
  get running(): number {
    return this.#timers.size
  }

  /** Waits until a timer runs. */
  async untilRunning(): Promise<void> {
    if (this.running > 0) return
    await new Promise<void>((resolve) => {
      this.#started = resolve
    })
  }

  /** Lets time pass; timers that are due go off, the earliest first. */
  advance(milliseconds: number): void {
    this.#now += milliseconds
    const due = [...this.#timers].filter(({ at }) => at <= this.#now)
    for (const timer of due.toSorted((a, b) => a.at - b.at)) {
      this.#timers.delete(timer)
      timer.run()
    }
  }
}
