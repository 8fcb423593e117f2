/**
 * The checkpointer: publishes at times what a log has become, as a signed checkpoint.
 *
 * @packageDocumentation
 */
import { type CountersignError, toCountersignError } from '../errors.ts'
import type { LogReader, StoredCheckpoint } from './log-records.ts'
import { type StartTimer, startTimer as startNodeTimer } from '../basics/timer.ts'
import type { TreeSigner } from './tree-signer.ts'

/** How a checkpointer works. */
export interface CheckpointerOptions {
  readonly log: LogReader
  readonly signer: TreeSigner
  /** Keeps a checkpoint, unless a larger or equal one is there. */
  readonly keep: (checkpoint: StoredCheckpoint) => Promise<unknown>
  /** Least time between two checkpoints of this replica; default 1 s. */
  readonly intervalMs?: number
  readonly startTimer?: StartTimer
  /** Told of everything that keeps a checkpoint from being signed; it is tried again. */
  readonly onError: (error: CountersignError) => void
}

/** Signs checkpoints; disposing it signs the last one and stops. */
export interface Checkpointer extends AsyncDisposable {
  /** Signs now and then at every interval in which the log grew. Any replica may, and all may at once. */
  start(): void
  /**
   * Signs a checkpoint if the log grew since the last; answers that, or the last.
   *
   * @throws {@link CountersignError} as {@link TreeSigner}, and those of the store
   */
  checkpoint(): Promise<StoredCheckpoint>
  /** What kept the last checkpoint from being signed; undefined once one is signed, or where nothing was due. */
  failure(): CountersignError | undefined
}

/** Creates a checkpointer; it rests until it is started or asked. */
export function createCheckpointer(options: CheckpointerOptions): Checkpointer {
  const { intervalMs = 1000, log, onError, signer, startTimer = startNodeTimer } = options
  let stopTimer: (() => void) | undefined
  let running: Promise<void> = Promise.resolve()
  let failure: CountersignError | undefined

  async function checkpoint(): Promise<StoredCheckpoint> {
    // In this order: the head is never older than a checkpoint read before it.
    const stored = await log.checkpoint()
    const { size } = await log.head()
    if (stored?.size === size && signer.hasSeen({ size })) return stored
    const head = await signer.readHead(log)
    if (stored?.size === head.size) return stored
    const { note } = await signer.sign(head)
    await options.keep({ size: head.size, note })
    return { size: head.size, note }
  }

  async function tick(): Promise<void> {
    try {
      await checkpoint()
      failure = undefined
    } catch (error) {
      failure = toCountersignError(error)
      onError(failure)
    }
  }

  function run(): void {
    running = tick().then(() => {
      if (stopTimer !== undefined) stopTimer = startTimer(run, intervalMs)
    })
  }

  return {
    checkpoint,
    failure: () => failure,
    start: () => {
      if (stopTimer !== undefined) return
      stopTimer = () => undefined
      run()
    },
    [Symbol.asyncDispose]: async () => {
      stopTimer?.()
      stopTimer = undefined
      await running
      await tick()
    },
  }
}
