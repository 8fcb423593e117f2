/**
 * What the log says of requests that came to nothing: who was refused what, and what failed. Best effort:
 * a request that fails because the log can't be written can't be logged either.
 *
 * @packageDocumentation
 */
import type { Caller } from '../../access/caller.ts'
import { type CountersignError, ERROR_TRAITS, toCountersignError } from '../../errors.ts'
import type { Appender } from '../../log/appender.ts'
import { DenialBudget, type DenialLimits } from '../authorization/denial-budget.ts'

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
  readonly limits?: DenialLimits
}

/** Of the callers of one issuer; those with a permission and those without, each. */
const USUAL_LIMITS: DenialLimits = { perWindow: 1000, windowMs: 3_600_000 }

/**
 * Writes failures into the log, each once however many layers report it. A client with a token of a configured issuer
 * can be denied without end, so of each issuer only so many an hour are written; the others are counted, and the
 * count is an entry. Callers whom policies permit something are counted apart, so that the others hide nothing of them.
 */
export class FailureLog {
  readonly #options: FailureLogOptions
  readonly #budget: DenialBudget
  readonly #known = new WeakSet<CountersignError>()

  constructor(options: FailureLogOptions) {
    this.#options = options
    this.#budget = new DenialBudget(options.limits ?? USUAL_LIMITS)
  }

  /** Writes one failure; never throws. */
  async record(thrown: unknown, attempt: Attempt): Promise<void> {
    const error = toCountersignError(thrown)
    if (this.#known.has(error)) return
    this.#known.add(error)
    const { caller, action, resource, requestId } = attempt
    const { code } = error
    const { appender, now } = this.#options
    const time = now()
    if (!this.#budget.admits(this.#groupOf(caller), code, time)) return
    const about = { time, requestId, caller, action, resource }
    await appender
      .append({ type: 'denial', ...about, code, reason: reasonOf(error) })
      .catch(() => undefined)
  }

  /** Writes what was counted in the hours that are over; `all`: in this one too, since the service stops. */
  async summarize(all?: 'all'): Promise<void> {
    const { appender, now } = this.#options
    const time = now()
    const ended = all === undefined ? this.#budget.takeEnded(time) : this.#budget.takeAll()
    for (const { group, counts } of ended) {
      const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
      const list = [...counts].map(([code, count]) => `${code}: ${count}`).join(', ')
      await appender
        .append({
          type: 'denial',
          time,
          requestId: SUMMARY,
          caller: undefined,
          action: SUMMARY,
          resource: group,
          code: [...counts.keys()][0] ?? 'ERR_NOT_ALLOWED',
          reason: `${total} more denials were not written one by one (${list})`,
        })
        .catch(() => undefined)
    }
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
