/** A circuit breaker: while a backend is down, calls to it fail at once and say when to try again. */
import {
  BrokenCircuitError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  DelegateBackoff,
  handleWhen,
  type IHalfOpenAfterBackoffContext,
} from 'cockatiel'
import { CountersignError, toCountersignError } from '../errors.ts'
import { untilCancelled } from './cancellation.ts'

/** What opens the circuit. */
export interface CircuitOptions {
  /** Whether a failure means that the backend is down; any other answer means that it is up. */
  readonly isOutage: (error: unknown) => boolean
  /** Failures in a row that open it. */
  readonly failuresToOpen: number
}

/** How long it stays open before one call tries; doubled whenever that fails, and short enough to recover in 5 s. */
const FIRST_BREAK_MS = 500
const LONGEST_BREAK_MS = 4000

/** One circuit. It reads the clock itself, as cockatiel does. */
export class Circuit {
  readonly #options: CircuitOptions
  #policy: CircuitBreakerPolicy
  /** Set by the policy's event. */
  #opened = { at: 0, forMs: 0 }

  constructor(options: CircuitOptions) {
    this.#options = options
    this.#policy = this.#createPolicy()
  }

  /**
   * Lets a call be prepared that could be made now.
   *
   * @throws {@link CountersignError} with the code of the last failure, while the circuit is open; the details say
   * when to try again
   */
  assertClosed(): void {
    const { at, forMs } = this.#opened
    const now = Date.now()
    // The clock was set back: the break would last until it is there again.
    if (now < at) {
      this.#policy = this.#createPolicy()
      this.#opened = { at: 0, forMs: 0 }
    } else if (now < at + forMs) throw this.#open(at + forMs - now)
  }

  /**
   * Makes a call, unless the circuit is open. After a break one call tries, and the others wait for what becomes
   * of it.
   *
   * @throws what the call throws, and assertClosed; {@link CountersignError} ERR_CANCELLED, ERR_TIMEOUT — the
   * signal is aborted
   */
  async run<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await untilCancelled(this.#policy.execute(call), signal)
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) throw error
      throw this.#open(this.#opened.at + this.#opened.forMs - Date.now())
    }
  }

  #createPolicy(): CircuitBreakerPolicy {
    let forMs = 0
    const halfOpenAfter = new DelegateBackoff(({ attempt }: IHalfOpenAfterBackoffContext) => {
      forMs = Math.min(LONGEST_BREAK_MS, FIRST_BREAK_MS * 2 ** (attempt - 1))
      return forMs
    })
    const breaker = new ConsecutiveBreaker(this.#options.failuresToOpen)
    const filter = handleWhen((error) => this.#options.isOutage(error))
    const policy = circuitBreaker(filter, { breaker, halfOpenAfter })
    policy.onBreak(() => {
      this.#opened = { at: Date.now(), forMs }
    })
    policy.onReset(() => {
      this.#opened = { at: 0, forMs: 0 }
    })
    return policy
  }

  /** The failure that opened it, as the cause, with the time of the next try. */
  #open(leftMs: number): CountersignError {
    const failure = this.#policy.lastFailure
    const cause = failure !== undefined && 'error' in failure ? failure.error : undefined
    const { code, message, hint, details } = toCountersignError(cause)
    return new CountersignError(
      code,
      `${message} (${this.#options.failuresToOpen} times in a row)`,
      {
        hint,
        retryAfterSeconds: Math.max(1, Math.ceil(leftMs / 1000)),
        details,
        cause,
      },
    )
  }
}
