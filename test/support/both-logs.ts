/** Verifies the audit log and the transparency log of a service, and that they record the same events. */
import type { Checkpoint, LogIdentity } from '../../src/formats/checkpoint.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import { PairedLogs } from '../../src/log/paired-logs.ts'
import type { LogSource } from '../../src/log/source.ts'
import { type LogReport, verifyLog } from '../../src/log/verify-log.ts'
import {
  type TransparencyReport,
  verifyTransparencyLog,
} from '../../src/log/verify-transparency.ts'

/** A log, and what it must continue. */
export interface LogToVerify {
  readonly source: LogSource
  readonly log: LogIdentity
  readonly earlier?: Checkpoint | undefined
}

/** What was found in both. */
export interface BothReports {
  readonly audit: LogReport
  readonly transparency: TransparencyReport
  /** What the entries behind the audit log's checkpoint can be held against too; counts the leaves that were named. */
  readonly paired: PairedLogs
}

/**
 * Verifies both as far as their checkpoints go, which come one after the other: the newest leaves may be named by
 * entries that the audit log's does not cover yet.
 *
 * @throws CountersignError ERR_LOG_PROOF_INVALID
 */
export async function verifyBothLogs(
  audit: LogToVerify,
  transparency: LogToVerify,
  onEntry: (index: number, entry: LogEntry) => void = () => undefined,
): Promise<BothReports> {
  const published = await verifyTransparencyLog(transparency)
  const paired = new PairedLogs(transparency.source, published.checkpoint, {})
  const report = await verifyLog({
    ...audit,
    onEntry: async (index, content) => {
      await paired.add(index, content)
      if (content.kind === 'known') onEntry(index, content.entry)
    },
  })
  return { audit: report, transparency: published, paired }
}
