import type { HistoryRecords } from '../../src/service/publishing/shared-history.ts'

/** The stored key history of replicas that share one memory. */
export class MemoryPublications {
  envelope: Uint8Array | undefined
  /** How often a history was stored. */
  swaps = 0
  /** Number of the newest publication. */
  sequence: number
  readonly #listeners = new Set<() => void>()

  constructor(sequence = 1) {
    this.sequence = sequence
  }

  /** Runs work over the one memory; none of it waits, so nothing comes between. */
  readonly transaction = async <T>(work: (records: HistoryRecords) => Promise<T>): Promise<T> => {
    const { announced, records } = this.#records()
    const answer = await work(records)
    if (announced.isTrue) for (const listener of this.#listeners) listener()
    return answer
  }

  readonly onAnnouncement = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Number of listeners. */
  get listening(): number {
    return this.#listeners.size
  }

  #records(): { readonly announced: { isTrue: boolean }; readonly records: HistoryRecords } {
    const announced = { isTrue: false }
    const records: HistoryRecords = {
      publications: {
        keyHistory: () => Promise.resolve(this.envelope),
        swapKeyHistory: (next, seen) => {
          if (this.envelope !== seen) return Promise.resolve(false)
          this.envelope = next
          this.swaps += 1
          return Promise.resolve(true)
        },
      },
      keys: { nextSequence: () => Promise.resolve((this.sequence += 1)) },
      announce: () => {
        announced.isTrue = true
      },
    }
    return { announced, records }
  }
}
