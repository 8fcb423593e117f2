/**
 * The scheduler: on every replica, at work on one of them at a time. It keeps nothing that matters in
 * memory, so any replica can take over at any moment.
 *
 * @packageDocumentation
 */
import { type CountersignError, toCountersignError } from '../errors.ts'
import type { Key } from '../keys/key.ts'
import { activationDelaySeconds } from '../keys/policy.ts'
import { startTimer, type StartTimer } from '../basics/timer.ts'
import type { Operator, RotationContext } from './context.ts'
import { doDueSteps } from './due-steps.ts'
import { RevokedKeys } from './revoked-keys.ts'

/** What a scheduler stands on. */
export interface SchedulerOptions {
  readonly rotation: RotationContext
  readonly startTimer?: StartTimer
  /** Names of the keys that are rotated; left out: all. What is revoked of any key is disabled. */
  readonly configured?: readonly string[]
  /** Told of every failed step; `key` is the name of the key, undefined where it is about none. */
  readonly onAlert: (error: CountersignError, key: string | undefined) => void
}

/** Rotates keys when their time has come. */
export interface Scheduler extends AsyncDisposable {
  /** Looks at all keys again and again, until the scheduler is disposed. */
  start(): void
  /** Does all that is due now, unless another replica is at it; failures go to `onAlert`. */
  runOnce(): Promise<void>
}

/** A key whose last steps failed. */
interface Setback {
  readonly failures: number
  readonly notBefore: Date
}

const LONGEST_WAIT_MS = 10 * 60_000

/** Time between two looks at all keys; less where a key has to wait for less than a hundred seconds. */
const LONGEST_INTERVAL_MS = 10_000
const LEAST_INTERVAL_MS = 250

/** Makes a scheduler; it does nothing before it is started or asked to. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new StoreScheduler(options)
}

class StoreScheduler implements Scheduler {
  readonly #options: SchedulerOptions
  /** Follows the keys at every look; see {@link intervalOf}. */
  #intervalMs = LONGEST_INTERVAL_MS
  /** By the name of the key; owned by the run that is under way. */
  readonly #setbacks = new Map<string, Setback>()
  readonly #revoked: RevokedKeys
  /** The run that is under way or was the last; never rejects. */
  #running: Promise<void> = Promise.resolve()
  #stopTimer: () => void = () => undefined
  #isDisposed = false

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#revoked = new RevokedKeys(options.rotation, options.onAlert)
  }

  start(): void {
    const { startTimer: start = startTimer } = this.#options
    if (this.#isDisposed) return
    this.#stopTimer = start(() => {
      void this.runOnce().then(() => {
        this.start()
      })
    }, this.#intervalMs)
  }

  runOnce(): Promise<void> {
    this.#running = this.#running.then(() => this.#run())
    return this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#stopTimer()
    await this.#running
  }

  async #run(): Promise<void> {
    if (this.#isDisposed) return
    const { rotation, onAlert } = this.#options
    try {
      const keys = await rotation.store.transaction((records) => records.keys.keys())
      this.#intervalMs = intervalOf(keys)
      await rotation.store.withLock('scheduler', (lost) => this.#lookAtAll(keys, lost))
    } catch (error) {
      onAlert(toCountersignError(error), undefined)
    }
  }

  async #lookAtAll(keys: readonly Key[], lost: AbortSignal): Promise<void> {
    const { configured, rotation } = this.#options
    const by: Operator = { caller: undefined, requestId: `scheduler-${rotation.randomMark()}` }
    for (const { name } of keys) {
      if (lost.aborted || this.#isDisposed) return
      if (configured?.includes(name) !== false) await this.#lookAt(name, by)
    }
    await this.#revoked.disableAll(lost)
  }

  async #lookAt(name: string, by: Operator): Promise<void> {
    const { rotation, onAlert } = this.#options
    const { failures, notBefore } = this.#setbacks.get(name) ?? {
      failures: 0,
      notBefore: undefined,
    }
    if (notBefore !== undefined && rotation.now() < notBefore) return
    try {
      await doDueSteps(rotation, name, by)
      this.#setbacks.delete(name)
    } catch (error) {
      const waitMs = Math.min(this.#intervalMs * 2 ** failures, LONGEST_WAIT_MS)
      const next = new Date(rotation.now().getTime() + waitMs)
      this.#setbacks.set(name, { failures: failures + 1, notBefore: next })
      onAlert(toCountersignError(error), name)
    }
  }
}

/** So often that no step is late by more than a tenth of what its key waits for anyway. */
function intervalOf(keys: readonly Key[]): number {
  const waits = keys.map(({ policy }) => activationDelaySeconds(policy) * 100)
  return Math.max(LEAST_INTERVAL_MS, Math.min(LONGEST_INTERVAL_MS, ...waits))
}
