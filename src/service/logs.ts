/** Both logs of a running service: who appends to them, who signs them, and what is published of them. */
import type { CountersignError } from '../errors.ts'
import type { Admit, Appender } from '../log/appender.ts'
import {
  type Checkpointer,
  type CheckpointerOptions,
  createCheckpointer,
} from '../log/checkpointer.ts'
import { createAppender } from '../log/group-appender.ts'
import { proveStoredLeaf } from '../log/leaf-proof.ts'
import type { LogNames } from '../log/log-roles.ts'
import { type LogKeys, TreeSigner } from '../log/tree-signer.ts'
import type { Store, StoreTransaction } from '../store/store.ts'
import type { ServiceContext } from './context.ts'
import type { Lifecycle } from './lifecycle.ts'

/** What the logs stand on. */
export interface LogsOptions {
  readonly store: Store
  readonly now: () => Date
  readonly admit: Admit<StoreTransaction>
  readonly log: { readonly names: LogNames; readonly checkpointEveryMs: number }
  /** Opens the key of a log. */
  readonly openKeys: (use: 'audit' | 'log') => Promise<LogKeys>
  readonly onAlert: (error: CountersignError) => void
}

/** Both logs, at work. */
export interface RunningLogs {
  readonly appender: Appender
  readonly checkpointers: readonly Checkpointer[]
  readonly proveLeaf: ServiceContext['proveLeaf']
}

/** Starts appending and publishing checkpoints. */
export function startLogs(lifecycle: Lifecycle, options: LogsOptions): RunningLogs {
  const { admit, log, now, openKeys, store } = options
  const { names } = log
  const audit = new TreeSigner({ origin: names.audit, openKeys: () => openKeys('audit') })
  const signer = new TreeSigner({ origin: names.transparency, openKeys: () => openKeys('log') })
  const appender = lifecycle.own(createAppender({ store, admit, now, signer }))
  const start = startCheckpointers(lifecycle, options)
  return {
    appender,
    checkpointers: [
      start({
        log: store.log,
        signer: audit,
        keep: (checkpoint) => store.transaction((records) => records.log.putCheckpoint(checkpoint)),
      }),
      start({
        log: store.transparencyLog,
        signer,
        keep: (checkpoint) =>
          store.transaction((records) => records.transparencyLog.putCheckpoint(checkpoint)),
      }),
    ],
    proveLeaf: (entry) => proveStoredLeaf(store.transparencyLog, signer, entry),
  }
}

function startCheckpointers(
  lifecycle: Lifecycle,
  { log, onAlert }: LogsOptions,
): (options: Pick<CheckpointerOptions, 'log' | 'signer' | 'keep'>) => Checkpointer {
  const onError = (error: CountersignError): void => {
    // The anchor has reported it, and it is tried every second.
    if (error.code !== 'ERR_STORE_BEHIND') onAlert(error)
  }
  return (options) => {
    const { checkpointEveryMs: intervalMs } = log
    const checkpointer = createCheckpointer({ ...options, intervalMs, onError })
    lifecycle.own(checkpointer)
    checkpointer.start()
    return checkpointer
  }
}
