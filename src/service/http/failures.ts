/**
 * What the log says of requests that came to nothing: who was refused what, and what failed. Best effort:
 * a request that fails because the log can't be written can't be logged either.
 *
 * @packageDocumentation
 */
import type { Caller } from '../../access/caller.ts'
import { type CountersignError, ERROR_TRAITS, toCountersignError } from '../../errors.ts'
import type { Appender } from '../../log/appender.ts'
import type { DenialEntry } from '../../log/entry.ts'
import { FailureBudget, type FailureLimits } from './failure-budget.ts'

/** What was tried. */
export interface Attempt {
  readonly caller: Caller
  readonly action: string
  /** Name of the key, or of what else it was tried on. */
  readonly resource: string
  readonly requestId: string
}

/** What a failure log stands on. */
export interface FailureLogOptions {
  readonly appender: Appender
  readonly now: () => Date
  /** Whether some policy may permit a caller something. */
  readonly mayBePermitted: (caller: Caller) => boolean
  readonly limits?: FailureLimits
}

/** Of the callers of one issuer; those with a permission and those without, each. */
const USUAL_LIMITS: FailureLimits = { perWindow: 1000, windowMs: 3_600_000, repeatMs: 60_000 }

/**
 * Writes failures into the log, each once however many layers report it. What fails again for the same caller, action,
 * key and reason is counted a minute at a time, so an outage does not fill the log. A client with a token of a
 * configured issuer can be denied without end, so of each issuer only so many entries an hour are written; the others
 * are counted, and the count is an entry. Callers whom policies permit something are counted apart, so that the others
 * hide nothing of them.
 */
export class FailureLog {
  readonly #options: FailureLogOptions
  readonly #budget: FailureBudget
  readonly #known = new WeakSet<CountersignError>()

  constructor(options: FailureLogOptions) {
    this.#options = options
    this.#budget = new FailureBudget(options.limits ?? USUAL_LIMITS)
  }

  /** Writes one failure; never throws. */
  async record(thrown: unknown, attempt: Attempt): Promise<void> {
    const error = toCountersignError(thrown)
    if (this.#known.has(error)) return
    this.#known.add(error)
    const { caller, action, resource, requestId } = attempt
    const { code } = error
    const time = this.#options.now()
    const failure = { caller, action, resource, code, reason: reasonOf(error) }
    if (!this.#budget.admits(this.#groupOf(caller), failure, time)) return
    await this.#write({ ...failure, time, requestId })
  }

  /** Writes what was counted in the times that are over; `all`: in all, since the service stops. */
  async summarize(all?: 'all'): Promise<void> {
    const time = this.#options.now()
    const { groups, repeats } =
      all === undefined ? this.#budget.takeEnded(time) : this.#budget.takeAll(time)
    const common = { time, requestId: SUMMARY }
    for (const { count, failure, since } of repeats) {
      const reason = `${count} more since ${since.toISOString()} were not written one by one`
      await this.#write({ ...common, ...failure, reason })
    }
    for (const { group, counts } of groups) {
      const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
      const list = [...counts].map(([code, count]) => `${code}: ${count}`).join(', ')
      await this.#write({
        ...common,
        caller: undefined,
        action: SUMMARY,
        resource: group,
        code: [...counts.keys()][0] ?? 'ERR_NOT_ALLOWED',
        reason: `${total} more denials were not written one by one (${list})`,
      })
    }
  }

  async #write(entry: Omit<DenialEntry, 'type'>): Promise<void> {
    await this.#options.appender.append({ type: 'denial', ...entry }).catch(() => undefined)
  }

  #groupOf(caller: Caller): string {
    const { issuer } = caller
    return this.#options.mayBePermitted(caller) ? issuer : `${issuer} without permission`
  }

  /** Does work, and records its failure before it is thrown on. */
  async watch<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      await this.record(error, attempt)
      throw error
    }
  }
}

/** What stands in a summary for a request and an action. */
const SUMMARY = 'summary'

/**
 * The cause of a denial says which rule was missing. What fails on our side may name hosts and paths, and
 * the log is read by others: those are in the service's own log, under the request id.
 */
function reasonOf({ code, message, cause }: CountersignError): string {
  if (code === 'ERR_NOT_ALLOWED' && cause instanceof Error) return cause.message
  return ERROR_TRAITS[code].http >= 500 ? 'the service failed' : message
}
