/** Reads the audit log of a service over HTTP, as a caller whom its policies permit `readLog`. */
import type { LogEntry } from '../../src/log/entry.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import type { LogSource } from '../../src/log/source.ts'

/** Where a service is, and what its caller says. */
export interface AuditAccess {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly authorization: string
}

/** An entry, and where it stands. */
export interface PlacedEntry {
  readonly index: number
  readonly entry: LogEntry
}

/** Reads entries: those with a label, newest first, or the first 200 in order. */
export async function readAudit(
  access: AuditAccess,
  label?: string,
): Promise<readonly PlacedEntry[]> {
  const query = label === undefined ? 'start=0&end=200' : `label=${encodeURIComponent(label)}`
  const answer = await get(access, `entries?${query}`)
  if (!answer.ok) throw new Error(`reading the audit log: ${answer.status} ${await answer.text()}`)
  const { entries } = (await answer.json()) as {
    readonly entries: readonly { readonly index: number; readonly entry: object }[]
  }
  return entries.map(({ index, entry }) => {
    return { index, entry: parseEntry(Buffer.from(JSON.stringify(entry))) }
  })
}

/** The checkpoint and tiles. */
export function auditSource(access: AuditAccess): LogSource {
  return {
    name: `${access.url}/audit/`,
    read: async (path) => {
      const answer = await get(access, path)
      return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined
    },
  }
}

function get({ url, authorization }: AuditAccess, path: string): Promise<Response> {
  return fetch(`${url}/audit/${path}`, { headers: { authorization } })
}
