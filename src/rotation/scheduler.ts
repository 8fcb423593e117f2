/**
 * The scheduler: on every replica, at work on one of them at a time. It keeps nothing that matters in
 * memory, so any replica can take over at any moment.
 *
 * @packageDocumentation
 */
import { type CountersignError, toCountersignError } from '../errors.ts'
import { startTimer, type StartTimer } from '../log/timer.ts'
import type { Operator, RotationContext } from './context.ts'
import { doDueSteps } from './due-steps.ts'

/** What a scheduler stands on. */
export interface SchedulerOptions {
  readonly rotation: RotationContext
  /** Time between two looks at all keys, in ms; default 10,000. */
  readonly intervalMs?: number
  readonly startTimer?: StartTimer
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

/** Makes a scheduler; it does nothing before it is started or asked to. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new StoreScheduler(options)
}

class StoreScheduler implements Scheduler {
  readonly #options: SchedulerOptions
  readonly #intervalMs: number
  /** By the name of the key; owned by the run that is under way. */
  readonly #setbacks = new Map<string, Setback>()
  /** The run that is under way or was the last; never rejects. */
  #running: Promise<void> = Promise.resolve()
  #stopTimer: () => void = () => undefined
  #isDisposed = false

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#intervalMs = options.intervalMs ?? 10_000
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
      await rotation.store.withLock('scheduler', (lost) => this.#lookAtAll(lost))
    } catch (error) {
      onAlert(toCountersignError(error), undefined)
    }
  }

  async #lookAtAll(lost: AbortSignal): Promise<void> {
    const { rotation } = this.#options
    const keys = await rotation.store.transaction((records) => records.keys.keys())
    const by: Operator = { caller: undefined, requestId: `scheduler-${rotation.randomMark()}` }
    for (const { name } of keys) {
      if (lost.aborted || this.#isDisposed) return
      await this.#lookAt(name, by)
    }
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
