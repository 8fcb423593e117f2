/**
 * Verifying the audit log: its tree, and that its entries taken together say what they must.
 *
 * @packageDocumentation
 */
import type { Checkpoint } from '../formats/checkpoint.ts'
import type { LogEntry } from './entry.ts'
import { parseEntry } from './entry-format.ts'
import { HistoryCheck } from './history-check.ts'
import { readAt, verifyTree, type VerifyTreeOptions } from './verify-tree.ts'

/** What is verified, and against what. */
export interface VerifyLogOptions extends VerifyTreeOptions {
  /** How far times may go back; default 2 minutes. */
  readonly skewMs?: number | undefined
  /** Called with every entry that is found right so far, in order. */
  readonly onEntry?: ((index: number, entry: LogEntry) => unknown) | undefined
}

/** What was found. */
export interface LogReport {
  readonly checkpoint: Checkpoint
  /** Entries by type. */
  readonly entries: Readonly<Partial<Record<LogEntry['type'], number>>>
  /** Times of the first and last entry; undefined for a log without any. */
  readonly first: Date | undefined
  readonly last: Date | undefined
}

/**
 * Verifies an audit log from its first entry to its newest checkpoint. What is wrong first is named.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — with the entry or tile in the details;
 * ERR_NOTE_INVALID — the checkpoint; and those of reading the source
 */
export async function verifyLog(options: VerifyLogOptions): Promise<LogReport> {
  const history = new HistoryCheck(options.skewMs)
  const counts: Partial<Record<LogEntry['type'], number>> = {}
  let first: Date | undefined
  let last: Date | undefined
  const checkpoint = await verifyTree(options, (index, data) => {
    const entry = readAt('entry', index, () => parseEntry(data))
    history.add(index, entry)
    counts[entry.type] = (counts[entry.type] ?? 0) + 1
    first ??= entry.time
    last = entry.time
    return options.onEntry?.(index, entry)
  })
  history.end()
  return { checkpoint, entries: counts, first, last }
}
