import type { LogEntry } from '../log/entry.ts'
import { parseEntry } from '../log/entry-format.ts'
import { labelsOfEntryData } from '../log/entry-labels.ts'
import { findLeaves } from '../log/find-leaves.ts'
import type { LogReader } from '../log/log-records.ts'

/**
 * Finds out when a version signed last, as the log has it; undefined where it never did. What was done
 * with the version itself is not a signature.
 */
export async function lastSignatureAt(log: LogReader, kid: string): Promise<Date | undefined> {
  const query = { label: `kid:${kid}`, labelsOf: labelsOfEntryData }
  for await (const { data } of findLeaves(log, query)) {
    const entry = parseEntry(data)
    if (isSignature(entry)) return entry.time
  }
  return undefined
}

function isSignature({ type }: LogEntry): boolean {
  return ['signature', 'attestation', 'token', 'timestamp'].includes(type)
}
