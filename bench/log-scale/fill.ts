/** Fills both logs through the appender of the service, in groups of 256, each of them one durable commit. */
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import { createCheckpointer } from '../../src/log/checkpointer.ts'
import type { Appender } from '../../src/log/appender.ts'
import { createAppender } from '../../src/log/group-appender.ts'
import { TreeSigner } from '../../src/log/tree-signer.ts'
import type { Signer } from '../../src/signing/signer.ts'
import type { Store, StoreTransaction } from '../../src/store/store.ts'
import { createOperation } from './entries.ts'
import { Meter, type Pace } from './meter.ts'

/** Names of the logs. */
export const ORIGINS = { audit: 'log.example/audit', transparency: 'log.example' } as const

/** What to append, and who signs the trees. */
export interface FillOptions {
  readonly store: Store
  readonly operations: number
  readonly signed: PublicKeyInfo
  readonly logSigner: Signer
  /** Stops after the groups that are under way. */
  readonly stop: AbortSignal
  readonly onProgress: (done: number, pace: Pace) => void
}

const GROUP = 256
/** Operations that a pace is taken of. */
const PART = 100_000
/** One group is written while the next is made. */
const GROUPS_AT_ONCE = 2

/** Appends operations behind those that are there, and signs a checkpoint of each log at the end. */
export async function fillLogs(options: FillOptions): Promise<ReturnType<Meter['end']>> {
  const { logSigner, onProgress, operations, stop, store } = options
  const signerOf = (origin: string): TreeSigner =>
    new TreeSigner({ origin, openKeys: () => Promise.resolve({ signer: logSigner }) })
  const signer = signerOf(ORIGINS.transparency)
  const meter = new Meter(Math.min(PART, Math.ceil(operations / 2)), onProgress)
  {
    await using appender = createAppender<StoreTransaction>({
      store,
      admit: (_records, entries) => Promise.resolve(entries.map(() => undefined)),
      now: () => new Date(),
      signer,
      maxGroup: GROUP,
      maxWaitMs: 600_000,
    })
    let left = operations
    const appendGroups = async (): Promise<void> => {
      while (left > 0 && !stop.aborted) {
        const count = Math.min(GROUP, left)
        left -= count
        await appendGroup(appender, options.signed, count)
        meter.add(count)
      }
    }
    await Promise.all(Array.from({ length: GROUPS_AT_ONCE }, appendGroups))
  }
  const result = meter.end()
  await signCheckpoint(store, 'log', signerOf(ORIGINS.audit))
  await signCheckpoint(store, 'transparencyLog', signer)
  return result
}

async function appendGroup(
  appender: Appender,
  signed: PublicKeyInfo,
  count: number,
): Promise<void> {
  const group = Array.from({ length: count }, () => {
    const { entry, leaf } = createOperation(signed, new Date())
    return appender.append(entry, { leaf })
  })
  await Promise.all(group)
}

async function signCheckpoint(
  store: Store,
  which: 'log' | 'transparencyLog',
  signer: TreeSigner,
): Promise<void> {
  const checkpointer = createCheckpointer({
    log: store[which],
    signer,
    keep: (made) => store.transaction((records) => records[which].putCheckpoint(made)),
    onError: (error) => {
      throw error
    },
  })
  await checkpointer.checkpoint()
}
