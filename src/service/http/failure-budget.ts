/**
 * Bounds how many failures are written one by one. The first of its kind is written in full; the same again is
 * counted, a minute at a time. Over the bound of a group, all are counted, until its window is over.
 *
 * @packageDocumentation
 */
import type { Caller } from '../../access/caller.ts'
import type { ErrorCode } from '../../errors.ts'

/** How many, and in what time. */
export interface FailureLimits {
  /** Entries of one group, counts among them. */
  readonly perWindow: number
  readonly windowMs: number
  /** How long the same failure is counted before the count is written. */
  readonly repeatMs: number
}

/** What failed. */
export interface Failure {
  readonly caller: Caller
  readonly action: string
  /** Name of the key, or of what else it was tried on. */
  readonly resource: string
  readonly code: ErrorCode
  /** In words; of failures of the service itself always the same. */
  readonly reason: string
}

/** The same failure again, counted. */
export interface RepeatedFailure {
  readonly failure: Failure
  readonly count: number
  /** When the counting began. */
  readonly since: Date
}

/** Failures of one group that were not written one by one. */
export interface FailureSummary {
  readonly group: string
  readonly counts: ReadonlyMap<ErrorCode, number>
}

/** What is to be written of what was counted. */
export interface CountedFailures {
  readonly repeats: readonly RepeatedFailure[]
  readonly groups: readonly FailureSummary[]
}

interface Window {
  readonly start: number
  written: number
  readonly counts: Map<ErrorCode, number>
}

interface Repeat {
  readonly failure: Failure
  readonly group: string
  start: number
  count: number
}

/** Decides whether a failure is written, in windows that begin with the first one. */
export class FailureBudget {
  readonly #limits: FailureLimits
  /** Windows that have not been summed up; there are no more groups than issuers, twice. */
  readonly #windows = new Map<string, Window>()
  /** Failures that were written; no more than the windows allow, each until it was quiet for a while. */
  readonly #repeats = new Map<string, Repeat>()

  constructor(limits: FailureLimits) {
    this.#limits = limits
  }

  /** Whether a failure is written by itself; otherwise it is counted. */
  admits(group: string, failure: Failure, now: Date): boolean {
    const kind = kindOf(failure)
    const known = this.#repeats.get(kind)
    if (known !== undefined) {
      known.count += 1
      return false
    }
    if (!this.#spend(group, now)) {
      this.#count(group, failure.code, 1, now)
      return false
    }
    this.#repeats.set(kind, { failure, group, start: now.getTime(), count: 0 })
    return true
  }

  /** Ends the times that are over, and answers what was counted in them. */
  takeEnded(now: Date): CountedFailures {
    const repeatsFrom = now.getTime() - this.#limits.repeatMs
    const repeats = this.#takeRepeats(({ start }) => start <= repeatsFrom, now)
    return { repeats, groups: this.#takeGroups((window) => this.#isOver(window, now)) }
  }

  /** Ends all times. */
  takeAll(now: Date): CountedFailures {
    const repeats = this.#takeRepeats(() => true, now)
    return { repeats, groups: this.#takeGroups(() => true) }
  }

  /** A count is an entry too: where its group has no more, it is added to what the group counts. */
  #takeRepeats(isTaken: (repeat: Repeat) => boolean, now: Date): readonly RepeatedFailure[] {
    const taken: RepeatedFailure[] = []
    for (const [kind, repeat] of this.#repeats) {
      const { count, failure, group, start } = repeat
      if (!isTaken(repeat)) continue
      if (count === 0) this.#repeats.delete(kind)
      else if (this.#spend(group, now)) taken.push({ failure, count, since: new Date(start) })
      else this.#count(group, failure.code, count, now)
      repeat.start = now.getTime()
      repeat.count = 0
    }
    return taken
  }

  #takeGroups(isTaken: (window: Window) => boolean): readonly FailureSummary[] {
    const ended = [...this.#windows].filter(([, window]) => isTaken(window))
    for (const [group] of ended) this.#windows.delete(group)
    return ended
      .map(([group, { counts }]) => ({ group, counts }))
      .filter(({ counts }) => counts.size > 0)
  }

  #spend(group: string, now: Date): boolean {
    const window = this.#windowOf(group, now)
    if (window.written >= this.#limits.perWindow) return false
    window.written += 1
    return true
  }

  #count(group: string, code: ErrorCode, count: number, now: Date): void {
    const { counts } = this.#windowOf(group, now)
    counts.set(code, (counts.get(code) ?? 0) + count)
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
}

function kindOf({ action, caller, code, reason, resource }: Failure): string {
  return JSON.stringify([caller.issuer, caller.subject, action, resource, code, reason])
}
