/** Logs that are signed, for tests of whoever reads them. */
import { type NoteKey, logVerifierKey } from '../../src/formats/note-key.ts'
import { appendEntries } from '../../src/log/append.ts'
import { type CheckpointerOptions, createCheckpointer } from '../../src/log/checkpointer.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import type { LogRecords, StoredCheckpoint } from '../../src/log/log-records.ts'
import { signatureEntry } from './log-entries.ts'
import { MemoryLog } from './memory-log.ts'
import { testSigner } from './signers.ts'

/** Name of the logs that {@link createSignedLog} makes. */
export const LOG_ORIGIN = 'log.example/countersign'
const signer = testSigner('EdDSA', 'log')

/** Their key. */
export const LOG_KEY: NoteKey = logVerifierKey(LOG_ORIGIN, signer.key)

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
  await log.transaction((records) => appendEntries(records.log, entries))
  return signStored(log)
}

/** Signs a checkpoint over all that a store's log has. */
export function signStored<Records extends { readonly log: LogRecords }>(
  store: CheckpointerOptions<Records>['store'],
): Promise<StoredCheckpoint> {
  const checkpointer = createCheckpointer({
    store,
    origin: LOG_ORIGIN,
    openKeys: () => Promise.resolve({ signer }),
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
