/** What the registry client takes from the machine, so that tests own network, time and chance. */
import { setTimeout as delay } from 'node:timers/promises'
import { toCancellation } from './cancellation.ts'

/** Network, clock, timers and chance. */
export interface Runtime {
  readonly fetch: typeof fetch
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** A number from 0 up to 1; spreads retries, protects nothing. */
  readonly random: () => number
  /** Waits; throws ERR_CANCELLED as soon as the signal aborts. */
  readonly pause: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  /** A signal that aborts after a time. */
  readonly deadline: (milliseconds: number) => AbortSignal
}

/** Node's own network and timers, with the caller's clock. */
export function createRuntime(now: () => number): Runtime {
  return {
    fetch: globalThis.fetch,
    now,
    random: Math.random,
    pause: async (milliseconds, signal) => {
      await delay(milliseconds, undefined, signal && { signal }).catch((error: unknown) => {
        throw signal?.aborted === true ? toCancellation(signal) : error
      })
    },
    deadline: (milliseconds) => AbortSignal.timeout(milliseconds),
  }
}
