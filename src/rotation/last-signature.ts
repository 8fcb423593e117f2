import type { LogEntry } from '../log/entry.ts'
import { parseEntry } from '../log/entry-format.ts'
import type { LogReader } from '../log/log-records.ts'

const PAGE = 100

/**
 * Finds out when a version signed last, as the log has it; undefined where it never did. What was done
 * with the version itself is no signature.
 */
export async function lastSignatureAt(log: LogReader, kid: string): Promise<Date | undefined> {
  let before: number | undefined
  for (;;) {
    const indices = await log.find(`kid:${kid}`, {
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    })
    for (const index of indices) {
      const [data] = await log.entries(index, index + 1)
      const entry = data && parseEntry(data)
      if (entry !== undefined && isSignature(entry)) return entry.time
    }
    before = indices.at(-1)
    if (before === undefined) return undefined
  }
}

function isSignature({ type }: LogEntry): boolean {
  return ['signature', 'attestation', 'token', 'timestamp'].includes(type)
}
