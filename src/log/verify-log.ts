/**
 * Verifying the audit log: its tree, and that its entries taken together say what they must.
 *
 * @packageDocumentation
 */
import type { Checkpoint } from '../formats/checkpoint.ts'
import type { LogEntry } from './entry.ts'
import { type EntryContent, readEntry } from './entry-format.ts'
import { HistoryCheck } from './history-check.ts'
import { SkippedCount, type SkippedReport } from './later-release.ts'
import { readAt, verifyTree, type VerifyTreeOptions } from './verify-tree.ts'

/** What is verified, and against what. */
export interface VerifyLogOptions extends VerifyTreeOptions {
  /** How far times may go back; default 2 minutes. */
  readonly skewMs?: number | undefined
  /** Called with every entry that is found right so far, in order. */
  readonly onEntry?: ((index: number, content: EntryContent) => unknown) | undefined
}

/** What was found. */
export interface LogReport {
  readonly checkpoint: Checkpoint
  /** Entries by type, those that are understood. */
  readonly entries: Readonly<Partial<Record<LogEntry['type'], number>>>
  /** What a later release added; undefined: nothing. */
  readonly skipped: SkippedReport | undefined
  /** Times of the first and last entry that is understood; undefined for a log without any. */
  readonly first: Date | undefined
  readonly last: Date | undefined
}

/**
 * Verifies an audit log from its first entry to its newest checkpoint. What is wrong first is named.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — with the entry or tile in the details;
 * ERR_NOTE_INVALID — the checkpoint; ERR_FORMAT_UNSUPPORTED — an entry of a later version, which may not be
 * skipped; and those of reading the source
 */
export async function verifyLog(options: VerifyLogOptions): Promise<LogReport> {
  const history = new HistoryCheck(options.skewMs)
  const counts: Partial<Record<LogEntry['type'], number>> = {}
  let first: Date | undefined
  let last: Date | undefined
  const skipped = new SkippedCount()
  const checkpoint = await verifyTree(options, (index, data) => {
    const content = readAt('entry', index, () => readEntry(data))
    if (content.kind === 'unknown') skipped.addEntry(index, content.why)
    else {
      const { entry } = content
      history.add(index, entry)
      counts[entry.type] = (counts[entry.type] ?? 0) + 1
      skipped.addMembers(index, content.skipped)
      first ??= entry.time
      last = entry.time
    }
    return options.onEntry?.(index, content)
  })
  history.end()
  return { checkpoint, entries: counts, skipped: skipped.report(), first, last }
}
