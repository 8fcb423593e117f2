import { isOwnEntry, type LogEntry } from './entry.ts'
import { parseEntry } from './entry-format.ts'

/**
 * Names by which an entry is found: `kid:…`, `digest:sha256:…`; each once. They follow from the entry, and have
 * a row each in the index, so there are no more than are looked up.
 */
export function labelsOf(entry: LogEntry): readonly string[] {
  const labels = [`type:${entry.type}`, ...specificLabels(entry)]
  return [...new Set(labels)]
}

/**
 * As {@link labelsOf}, from the bytes of an entry.
 *
 * @throws {@link CountersignError} as {@link parseEntry}
 */
export function labelsOfEntryData(data: Uint8Array): readonly string[] {
  return labelsOf(parseEntry(data))
}

function specificLabels(entry: LogEntry): readonly string[] {
  if (entry.type === 'denial' || entry.type === 'keyRules') return [`key:${entry.resource}`]
  if (isOwnEntry(entry)) return []
  if (entry.type === 'approval') return [`key:${entry.resource}`, `approval:${entry.approvalId}`]
  const version = [`key:${entry.key.name}`, `kid:${entry.key.kid}`]
  switch (entry.type) {
    case 'signature':
    case 'attestation':
      return [
        ...version,
        ...entry.digests.map((digest) => `digest:${digest}`),
        `bundle:${entry.bundleSha256}`,
        // The version that stamped it signed too.
        ...(entry.timestamp === undefined ? [] : [`kid:${entry.timestamp.kid}`]),
      ]
    case 'token':
      return [...version, `jti:${entry.jti}`]
    case 'timestamp':
      return [...version, `digest:${entry.digest}`]
    case 'state':
      // A version signs without end and changes a few times: what it is now is found by a label of its own.
      return [...version, `state:${entry.key.kid}`]
  }
}
