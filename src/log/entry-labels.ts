import type { LogEntry } from './entry.ts'

/** Forms of labels, each with what it finds. */
export const LABEL_FORMS: Readonly<Record<string, string>> = {
  type: 'entries of one type',
  key: 'what concerns a named key',
  kid: 'what one key version did, and what was done with it',
  digest: 'what was signed or stamped, as sha256:HEX',
  bundle: 'the entry of a bundle, by the SHA-256 of its file in hex',
  jti: 'the entry of a token',
  serial: 'the entry of a time stamp',
}

/** Names by which an entry is found: `kid:…`, `digest:sha256:…`; each once. */
export function labelsOf(entry: LogEntry): readonly string[] {
  const labels = [`type:${entry.type}`, ...specificLabels(entry)]
  return [...new Set(labels)]
}

function specificLabels(entry: LogEntry): readonly string[] {
  if (entry.type === 'denial' || entry.type === 'approval') return [`key:${entry.resource}`]
  const version = [`key:${entry.key.name}`, `kid:${entry.key.kid}`]
  switch (entry.type) {
    case 'signature':
    case 'attestation':
      return [
        ...version,
        ...entry.digests.map((digest) => `digest:${digest}`),
        `bundle:${entry.bundleSha256}`,
      ]
    case 'token':
      return [...version, `jti:${entry.jti}`]
    case 'timestamp':
      return [...version, `digest:${entry.digest}`, `serial:${entry.serial}`]
    case 'state':
      return version
  }
}
