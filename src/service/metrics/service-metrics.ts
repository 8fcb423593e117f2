/**
 * What the service counts and measures. Counting is all that a request pays for; what can be looked up (keys, logs,
 * queues) is looked up when the metrics are read.
 *
 * @packageDocumentation
 */
import { Registry } from 'prom-client'
import { type CountersignError, toCountersignError } from '../../errors.ts'
import type { KeyVersion } from '../../keys/key.ts'
import type { Appender } from '../../log/appender.ts'
import { findProvider } from '../../providers/key-uri.ts'
import type { SigningObserver } from '../../rotation/open-signers.ts'
import { createInstruments, type Instruments } from './instruments.ts'

/** What a request was, once it is over. */
export interface EndedRequest {
  readonly operation: string
  readonly status: number
  readonly seconds: number
}

/** Sets the gauges to what is now. */
export type Look = (instruments: Instruments) => Promise<void> | void

/** The metrics of one service. */
export class ServiceMetrics {
  readonly #registry = new Registry()
  readonly #instruments: Instruments = createInstruments(this.#registry)
  readonly #monotonicMs: () => number
  readonly #looks: Look[] = []
  #inFlight = 0

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs
  }

  /** Media type of {@link read}. */
  get mediaType(): string {
    return this.#registry.contentType
  }

  /** Adds something to look at whenever the metrics are read. */
  onRead(look: Look): void {
    this.#looks.push(look)
  }

  /** The text of all metrics. What can't be looked up is left out, so that an outage is seen and not hidden by itself. */
  async read(): Promise<string> {
    this.#instruments.requestsInFlight.set(this.#inFlight)
    await Promise.allSettled(this.#looks.map(async (look) => look(this.#instruments)))
    return this.#registry.metrics()
  }

  readonly requestBegan = (): void => {
    this.#inFlight += 1
  }

  readonly requestEnded = ({ operation, seconds, status }: EndedRequest): void => {
    this.#inFlight -= 1
    this.#instruments.requests.inc({ operation, status })
    this.#instruments.requestSeconds.observe({ operation }, seconds)
  }

  readonly problem = (operation: string, code: string): void => {
    this.#instruments.problems.inc({ operation, code })
  }

  readonly denial = (action: string, key: string): void => {
    this.#instruments.denials.inc({ action, key })
  }

  readonly failed = ({ code }: CountersignError): void => {
    this.#instruments.failures.inc({ code })
  }

  readonly revocationSeen = (seconds: number): void => {
    this.#instruments.revocationSeconds.observe(seconds)
  }

  /** Sees every call to a backend. */
  readonly calls: SigningObserver = {
    begin: (version) => {
      const beganMs = this.#monotonicMs()
      return (end) => {
        const labels = { key: version.key, provider: schemeOf(version) }
        const outcome = typeof end === 'string' ? end : 'failed'
        const seconds = (this.#monotonicMs() - beganMs) / 1000
        this.#instruments.backendSeconds.observe({ ...labels, outcome }, seconds)
        if (typeof end === 'string') return
        this.#instruments.backendErrors.inc({ ...labels, ...reasonOf(end.thrown) })
      }
    },
  }

  /** An appender that does the same, measured. */
  measured(appender: Appender): Appender {
    const observe = (outcome: string, beganMs: number): void => {
      const seconds = (this.#monotonicMs() - beganMs) / 1000
      this.#instruments.appendSeconds.observe({ outcome }, seconds)
    }
    return {
      append: async (...entry) => {
        const beganMs = this.#monotonicMs()
        try {
          const place = await appender.append(...entry)
          observe('appended', beganMs)
          return place
        } catch (error) {
          observe('failed', beganMs)
          throw error
        }
      },
      [Symbol.asyncDispose]: () => appender[Symbol.asyncDispose](),
    }
  }
}

function schemeOf({ uri }: KeyVersion): string {
  return findProvider(uri)?.scheme ?? 'unknown'
}

/** Form of the name of a row in docs/doctor.md. */
const CAUSE = /^[a-z][a-z0-9-]{0,63}$/

/** Both are rows of tables of ours; what a backend itself says is never a label. */
function reasonOf(thrown: unknown): { readonly code: string; readonly cause: string } {
  const { code, details } = toCountersignError(thrown)
  const { backend = code, cause } = details
  return {
    code: String(backend),
    cause: typeof cause === 'string' && CAUSE.test(cause) ? cause : '',
  }
}
