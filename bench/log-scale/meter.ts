/** How fast a part of the work went: by the clock, and by the processor time of this process. */
export interface Pace {
  readonly perSecond: number
  /** Of all threads; unlike the clock it does not count what else runs on the machine. */
  readonly cpuMicros: number
}

interface Mark {
  readonly done: number
  readonly atMs: number
  readonly cpuMicros: number
}

function markAt(done: number): Mark {
  const { system, user } = process.cpuUsage()
  return { done, atMs: performance.now(), cpuMicros: system + user }
}

function paceBetween(from: Mark, to: Mark): Pace {
  const count = to.done - from.done
  return {
    perSecond: count / ((to.atMs - from.atMs) / 1000),
    cpuMicros: (to.cpuMicros - from.cpuMicros) / count,
  }
}

/** Counts what is done, part by part. */
export class Meter {
  readonly #part: number
  readonly #onPart: (done: number, pace: Pace) => void
  readonly #start = markAt(0)
  #last = this.#start
  #first: Pace | undefined
  #newest: Pace | undefined
  #done = 0

  /** @param part - how much a pace is taken of */
  constructor(part: number, onPart: (done: number, pace: Pace) => void) {
    this.#part = part
    this.#onPart = onPart
  }

  add(count: number): void {
    this.#done += count
    if (this.#done - this.#last.done < this.#part) return
    const mark = markAt(this.#done)
    this.#newest = paceBetween(this.#last, mark)
    this.#first ??= this.#newest
    this.#last = mark
    this.#onPart(this.#done, this.#newest)
  }

  /** Of all; of the first and the newest whole part, where there is one. */
  end(): { readonly done: number; readonly all: Pace; readonly first: Pace; readonly last: Pace } {
    const all = paceBetween(this.#start, markAt(this.#done))
    return { done: this.#done, all, first: this.#first ?? all, last: this.#newest ?? all }
  }
}
