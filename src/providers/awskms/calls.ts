/**
 * How calls to the KMS of one account and region are made: within its quota, in turn among callers, repeated while
 * that may help, and not at all while it is down. The SDK repeats nothing, so nothing is repeated twice.
 *
 * @packageDocumentation
 */
import { Circuit } from '../../basics/circuit.ts'
import { FairRate } from '../../basics/fair-rate.ts'
import { LruMap } from '../../basics/lru-map.ts'
import { retryUntil } from '../../basics/retry-until.ts'
import type { Runtime } from '../../basics/runtime.ts'
import type { StartTimer } from '../../basics/timer.ts'
import { CountersignError } from '../../errors.ts'
import type { KmsCall, KmsSigning } from './call.ts'
import type { KmsQuotas, QuotaClass } from './quotas.ts'

/** What calls are made with. */
export interface KmsTerms {
  readonly quotas: KmsQuotas
  /** How long a call without a time limit of its own is repeated, in ms. */
  readonly patienceMs: number
  readonly runtime: Pick<Runtime, 'now' | 'random' | 'pause'>
  readonly startTimer: StartTimer
}

/** A request waits this long for its turn at most: then its caller learns at once when to come back. */
const LONGEST_QUEUE_MS = 10_000
const LONGEST_WAIT_MS = 1000
/** Where nothing at all succeeded in so many calls, more of them would only keep it so. */
const MANY_FAILURES = 40
const LONGEST_WAIT_AMONG_FAILURES_MS = 8000
/** Circuits that are remembered; a service has one for each of its keys. */
const MAX_CIRCUITS = 1000

/** The calls to one account and region. */
export class KmsCalls {
  readonly #terms: KmsTerms
  readonly #rates: Readonly<Record<QuotaClass, FairRate>>
  readonly #circuits = new LruMap<Circuit>(MAX_CIRCUITS)
  /** Calls that failed and might be repeated, since one succeeded; changed by #once alone. */
  #failures = 0

  constructor(terms: KmsTerms) {
    this.#terms = terms
    const { quotas, runtime, startTimer } = terms
    const rate = (perSecond: number): FairRate =>
      new FairRate({ perSecond, now: runtime.now, startTimer })
    this.#rates = { rsa: rate(quotas.rsa), ecc: rate(quotas.ecc) }
  }

  /**
   * Makes a call by attempts.
   *
   * @throws {@link CountersignError} ERR_THROTTLED — the quota is used up until too late; and what the last attempt
   * throws, which is also thrown without one while the circuit of the key is open
   */
  run<T>(call: KmsCall, attempt: () => Promise<T>): Promise<T> {
    const { runtime, patienceMs } = this.#terms
    const until = call.until ?? runtime.now() + patienceMs
    return retryUntil(
      () => this.#admitted(call, until, attempt),
      {
        until,
        signal: call.signal,
        isWorthRetrying: (error) => mayHelp(call, error),
        longestWaitMs: () =>
          this.#failures < MANY_FAILURES ? LONGEST_WAIT_MS : LONGEST_WAIT_AMONG_FAILURES_MS,
      },
      runtime,
    )
  }

  async #admitted<T>(call: KmsCall, until: number, attempt: () => Promise<T>): Promise<T> {
    const { owner = '', signal, signing } = call
    const circuit = this.#circuitOf(call)
    circuit?.assertClosed()
    if (signing !== undefined) {
      const maxWaitMs = Math.min(LONGEST_QUEUE_MS, until - this.#terms.runtime.now())
      await this.#rates[quotaClass(signing)].enter({ owner, signal, maxWaitMs })
    }
    const once = (): Promise<T> => this.#once(attempt)
    return circuit === undefined ? once() : circuit.run(once, signal)
  }

  async #once<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      const answer = await attempt()
      this.#failures = 0
      return answer
    } catch (error) {
      if (isOfKms(error) && error.retryable) this.#failures += 1
      throw error
    }
  }

  /**
   * Of calls that need the backend of one key; those that administer keys are rare. At 30 % of failing calls, 20 in a
   * row are never seen, and a KMS that is down has them soon; where another region is asked, few will do.
   */
  #circuitOf({ attemptMs, operation, keyId }: KmsCall): Circuit | undefined {
    if (keyId === undefined || !['Sign', 'GetPublicKey'].includes(operation)) return undefined
    const failuresToOpen = attemptMs === undefined ? 20 : 3
    const name = `${failuresToOpen} ${keyId}`
    const circuit = this.#circuits.get(name) ?? new Circuit({ isOutage, failuresToOpen })
    this.#circuits.set(name, circuit)
    return circuit
  }
}

function quotaClass({ algorithm }: KmsSigning): QuotaClass {
  return algorithm.startsWith('RSA') ? 'rsa' : 'ecc'
}

/** Whether a failure is of KMS in one region, and not of the request or its caller. */
export function isWorthAnotherCall(error: unknown): boolean {
  return CountersignError.is(error) && ['ERR_THROTTLED', ...OUTAGES].includes(error.code)
}

/** Throttling is an answer: KMS is up, and an open circuit would turn a busy second into an outage. */
function isOutage(error: unknown): boolean {
  return isOfKms(error) && OUTAGES.includes(error.code)
}

const OUTAGES: readonly string[] = ['ERR_PROVIDER_UNAVAILABLE', 'ERR_NETWORK', 'ERR_TIMEOUT']

/** Calls that make something else when they are made twice. */
const NEVER_REPEATED: readonly string[] = ['CreateKey', 'ReplicateKey']

/** Causes of retryable codes that last until an operator acts: repeating only delays what there is to read. */
const LASTING: readonly unknown[] = [
  'captive-portal',
  'dns-unknown-host',
  'endpoint-not-kms',
  'proxy-forbids',
  'proxy-login',
  'resource-quota',
  'tls-not-spoken',
  'tls-unknown-authority',
  'tls-validity',
  'tls-wrong-name',
]

function mayHelp({ operation, isSingle }: KmsCall, error: unknown): boolean {
  if (isSingle === true || !CountersignError.is(error) || !error.retryable) return false
  const { retryAfterSeconds } = error
  // A quota that is used up, a circuit that is open: longer than that is for the caller to wait.
  if (retryAfterSeconds !== undefined) return retryAfterSeconds <= 1
  if (!isOfKms(error) || LASTING.includes(error.details['cause'])) return false
  return error.code === 'ERR_THROTTLED' || !NEVER_REPEATED.includes(operation)
}

/** Whether KMS or the way to it failed, and not a caller that ended its own call. */
function isOfKms(error: unknown): error is CountersignError {
  return CountersignError.is(error) && error.details['provider'] === 'awskms'
}
