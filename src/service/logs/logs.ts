/** Both logs of a running service: who appends to them, who signs them, and what is published of them. */
import type { CountersignError } from '../../errors.ts'
import type { Admit, Appender } from '../../log/appender.ts'
import {
  type Checkpointer,
  type CheckpointerOptions,
  createCheckpointer,
} from '../../log/checkpointer.ts'
import { createAppender, DEFAULT_WAIT_MS } from '../../log/group-appender.ts'
import { proveStoredLeaf } from '../../log/leaf-proof.ts'
import type { LogNames } from '../../log/log-roles.ts'
import { createQuorumWait } from '../../log/quorum-wait.ts'
import type { WitnessFeed } from '../../log/witness-feed.ts'
import { type LogKeys, TreeSigner } from '../../log/tree-signer.ts'
import type { Store, StoreTransaction } from '../../store/store.ts'
import type { ReadinessCheck, ServiceContext } from '../context.ts'
import type { Lifecycle } from '../composition/lifecycle.ts'
import { type LogWitnesses, startWitnessing, witnessCheck, type WitnessedLog } from './witnesses.ts'

/** What the logs stand on. */
export interface LogsOptions {
  readonly store: Store
  readonly now: () => Date
  readonly admit: Admit<StoreTransaction>
  readonly log: {
    readonly names: LogNames
    readonly checkpointEveryMs: number
    readonly witnesses?: LogWitnesses | undefined
  }
  /** Opens the key of a log. */
  readonly openKeys: (use: 'audit' | 'log') => Promise<LogKeys>
  readonly onAlert: (error: CountersignError) => void
}

/** Both logs, at work. */
export interface RunningLogs {
  readonly appender: Appender
  readonly checkpointers: readonly Checkpointer[]
  readonly proveLeaf: ServiceContext['proveLeaf']
  /** What `/readyz` says of witnesses. */
  readonly witnessCheck: () => readonly ReadinessCheck[]
}

/** Starts appending and publishing checkpoints. */
export function startLogs(lifecycle: Lifecycle, options: LogsOptions): RunningLogs {
  const { admit, log, now, openKeys, store } = options
  const { names } = log
  const audit = new TreeSigner({ origin: names.audit, openKeys: () => openKeys('audit') })
  const signer = new TreeSigner({ origin: names.transparency, openKeys: () => openKeys('log') })
  const { checkpointEveryMs: everyMs, witnesses = NO_WITNESSES } = log
  const offer = (name: WitnessedLog): WitnessFeed | undefined =>
    startWitnessing(name, { store, witnesses, everyMs, onAlert: options.onAlert }, lifecycle)
  const feeds = { audit: offer('audit'), transparency: offer('transparency') }
  const { maxWaitMs } = witnesses
  const wait =
    maxWaitMs === undefined || feeds.transparency === undefined
      ? undefined
      : createQuorumWait({
          ...{ feed: feeds.transparency, log: store.transparencyLog, signer, maxWaitMs },
        })
  const appender = lifecycle.own(
    createAppender({
      ...{ store, admit, now, signer },
      keepAnswers: ({ answers }, given) => answers.putAnswers(given, now()),
      ...(wait !== undefined && { witness: wait, maxWaitMs: DEFAULT_WAIT_MS + (maxWaitMs ?? 0) }),
    }),
  )
  const start = startCheckpointers(lifecycle, options)
  return {
    appender,
    checkpointers: [
      start({
        log: store.log,
        signer: audit,
        keep: keepIn('log', store, feeds.audit),
      }),
      start({
        log: store.transparencyLog,
        signer,
        keep: keepIn('transparencyLog', store, feeds.transparency),
      }),
    ],
    proveLeaf: (entry) => proveStoredLeaf(store.transparencyLog, signer, entry, wait),
    witnessCheck: () =>
      witnessCheck(
        Object.values(feeds).filter((feed) => feed !== undefined),
        witnesses,
      ),
  }
}

const NO_WITNESSES: LogWitnesses = {
  of: { transparency: [], audit: [] },
  quorum: undefined,
  maxWaitMs: undefined,
}

/** A checkpoint that this replica published is offered by it. */
function keepIn(
  log: 'log' | 'transparencyLog',
  store: Store,
  feed: WitnessFeed | undefined,
): CheckpointerOptions['keep'] {
  return async (checkpoint) => {
    const isKept = await store.transaction((records) => records[log].putCheckpoint(checkpoint))
    if (isKept) feed?.published(checkpoint)
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
    lifecycle.own(checkpointer, 'the checkpoints of a log')
    checkpointer.start()
    return checkpointer
  }
}
