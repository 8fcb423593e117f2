/** Bounds how many denials are written one by one: the rest is counted, and reported in one entry. */
import type { ErrorCode } from '../../errors.ts'

/** How many, and in what time. */
export interface DenialLimits {
  readonly perWindow: number
  readonly windowMs: number
}

/** Denials of one group that were not written one by one. */
export interface DenialSummary {
  readonly group: string
  readonly counts: ReadonlyMap<ErrorCode, number>
}

interface Window {
  readonly start: number
  written: number
  readonly counts: Map<ErrorCode, number>
}

/** Decides by group whether a denial is written, in windows that begin with the first denial. */
export class DenialBudget {
  readonly #limits: DenialLimits
  /** Windows that have not been summed up; there are no more groups than issuers, twice. */
  readonly #windows = new Map<string, Window>()

  constructor(limits: DenialLimits) {
    this.#limits = limits
  }

  /** Whether a denial is written by itself; otherwise it is counted. */
  admits(group: string, code: ErrorCode, now: Date): boolean {
    const window = this.#windowOf(group, now)
    if (window.written < this.#limits.perWindow) {
      window.written += 1
      return true
    }
    window.counts.set(code, (window.counts.get(code) ?? 0) + 1)
    return false
  }

  /** Ends the windows whose time is over, and answers what they counted. */
  takeEnded(now: Date): readonly DenialSummary[] {
    return this.#take((window) => this.#isOver(window, now))
  }

  /** Ends all windows. */
  takeAll(): readonly DenialSummary[] {
    return this.#take(() => true)
  }

  #windowOf(group: string, now: Date): Window {
    const known = this.#windows.get(group)
    // What an earlier window counted goes on being counted until it is taken.
    if (known !== undefined && (!this.#isOver(known, now) || known.counts.size > 0)) return known
    const window = { start: now.getTime(), written: 0, counts: new Map<ErrorCode, number>() }
    this.#windows.set(group, window)
    return window
  }

  #isOver({ start }: Window, now: Date): boolean {
    return now.getTime() >= start + this.#limits.windowMs
  }

  #take(isTaken: (window: Window) => boolean): readonly DenialSummary[] {
    const ended = [...this.#windows].filter(([, window]) => isTaken(window))
    for (const [group] of ended) this.#windows.delete(group)
    return ended
      .map(([group, { counts }]) => ({ group, counts }))
      .filter(({ counts }) => counts.size > 0)
  }
}
