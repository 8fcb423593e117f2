/** Signed logs, for tests of their readers. */
import { type NoteKey, logVerifierKey } from '../../src/formats/note-key.ts'
import { appendEntries, type TwoLogs } from '../../src/log/append.ts'
import { createCheckpointer } from '../../src/log/checkpointer.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import type { LogTransactions } from '../../src/log/group-appender.ts'
import type { LogReader, StoredCheckpoint } from '../../src/log/log-records.ts'
import { TreeSigner } from '../../src/log/tree-signer.ts'
import { signatureEntry } from './log-entries.ts'
import { MemoryLog } from './memory-log.ts'
import { testSigner } from './signers.ts'

/** Name of the logs that {@link createSignedLog} makes. */
export const LOG_ORIGIN = 'log.example/countersign'
const signer = testSigner('EdDSA', 'log')

/** Their key. */
export const LOG_KEY: NoteKey = logVerifierKey(LOG_ORIGIN, signer.key)

/** Name of the transparency logs beside them. */
export const TRANSPARENCY_ORIGIN = 'log.example'

/** Key of those. */
export const TRANSPARENCY_KEY: NoteKey = logVerifierKey(TRANSPARENCY_ORIGIN, signer.key)

/** Makes a log with a checkpoint over all its entries. */
export async function createSignedLog(entries: readonly LogEntry[]): Promise<MemoryLog> {
  const log = new MemoryLog()
  await appendSigned(log, entries)
  return log
}

/** Appends entries and signs a checkpoint over all. */
export async function appendSigned(
  log: MemoryLog,
  entries: readonly LogEntry[],
): Promise<StoredCheckpoint> {
  await log.transaction((records) => appendEntries(records, entries))
  return signStored(log)
}

/** Signs a log of that name with the key of these tests. */
export function testTreeSigner(origin: string = TRANSPARENCY_ORIGIN): TreeSigner {
  return new TreeSigner({ origin, openKeys: () => Promise.resolve({ signer }) })
}

/** A store of both logs. */
type TwoStoredLogs<Records extends TwoLogs> = LogTransactions<Records> & {
  readonly log: LogReader
  readonly transparencyLog: LogReader
}

/** Signs a checkpoint over all that a store's audit log has. */
export function signStored<Records extends TwoLogs>(
  store: TwoStoredLogs<Records>,
): Promise<StoredCheckpoint> {
  return signLog(store, 'log', LOG_ORIGIN)
}

/** Signs a checkpoint over all that a store's transparency log has. */
export function signTransparency<Records extends TwoLogs>(
  store: TwoStoredLogs<Records>,
): Promise<StoredCheckpoint> {
  return signLog(store, 'transparencyLog', TRANSPARENCY_ORIGIN)
}

function signLog<Records extends TwoLogs>(
  store: TwoStoredLogs<Records>,
  which: keyof TwoLogs,
  origin: string,
): Promise<StoredCheckpoint> {
  const checkpointer = createCheckpointer({
    log: store[which],
    signer: testTreeSigner(origin),
    keep: (checkpoint) => store.transaction((records) => records[which].putCheckpoint(checkpoint)),
    onError: (error) => {
      throw error
    },
  })
  return checkpointer.checkpoint()
}

/** Signatures, one a second, from an index on. */
export function signatureEntries(count: number, from = 0): readonly LogEntry[] {
  return Array.from({ length: count }, (_, index) => signatureEntry(from + index))
}
