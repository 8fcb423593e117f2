/**
 * What the log says of requests that came to nothing: who was refused what, and what failed. Best effort:
 * a request that fails because the log can't be written can't be logged either.
 *
 * @packageDocumentation
 */
import type { Caller } from '../access/caller.ts'
import { type CountersignError, ERROR_TRAITS, toCountersignError } from '../errors.ts'
import type { Appender } from '../log/appender.ts'

/** What was tried. */
export interface Attempt {
  readonly caller: Caller
  readonly action: string
  /** Name of the key, or of what else it was tried on. */
  readonly resource: string
  readonly requestId: string
}

/** Writes failures into the log, each once however many layers report it. */
export class FailureLog {
  readonly #appender: Appender
  readonly #now: () => Date
  readonly #known = new WeakSet<CountersignError>()

  constructor(appender: Appender, now: () => Date) {
    this.#appender = appender
    this.#now = now
  }

  /** Writes one failure; never throws. */
  async record(thrown: unknown, attempt: Attempt): Promise<void> {
    const error = toCountersignError(thrown)
    if (this.#known.has(error)) return
    this.#known.add(error)
    const { caller, action, resource, requestId } = attempt
    const { code } = error
    const about = { time: this.#now(), requestId, caller, action, resource }
    await this.#appender
      .append({ type: 'denial', ...about, code, reason: reasonOf(error) })
      .catch(() => undefined)
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

/**
 * The cause of a denial says which rule was missing. What fails on our side may name hosts and paths, and
 * the log is read by others: those are in the service's own log, under the request id.
 */
function reasonOf({ code, message, cause }: CountersignError): string {
  if (code === 'ERR_NOT_ALLOWED' && cause instanceof Error) return cause.message
  return ERROR_TRAITS[code].http >= 500 ? 'the service failed' : message
}
