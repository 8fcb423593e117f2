/** Log entries whose proof a key signed that is revoked by now: they count only in bundles that are older. */
import type { TransparencyLogInstance } from '@sigstore/protobuf-specs'
import { CountersignError } from '../errors.ts'
import type { TrustedTime } from './key-validity.ts'

/** The part of a log entry that identifies its proof. */
interface ProvenEntry {
  readonly logId: { readonly keyId: Uint8Array }
}

/**
 * Finds the entries of revoked logs in a bundle that no time stamp shows to be older than the compromise, each with
 * when that was. A time stamp alone does: what the log states of a time is what its thief states.
 */
export function findLate<Entry extends ProvenEntry>(
  entries: readonly Entry[],
  revokedLogs: readonly TransparencyLogInstance[],
  times: readonly TrustedTime[],
): ReadonlyMap<Entry, Date> {
  const stamps = times.filter(({ source }) => source === 'timestamp-authority')
  return new Map(
    entries.flatMap((entry) => {
      const end = revokedSince(entry, revokedLogs)
      if (end === undefined || stamps.some(({ time }) => time < end)) return []
      return [[entry, end] as const]
    }),
  )
}

function revokedSince(
  { logId }: ProvenEntry,
  revokedLogs: readonly TransparencyLogInstance[],
): Date | undefined {
  const log = revokedLogs.find((one) => one.logId?.keyId.equals(logId.keyId))
  return log?.publicKey?.validFor?.end
}

/** Makes the error of a proof that counts for nothing since the key of its log is revoked. */
export function revokedLog(compromisedSince: Date): CountersignError {
  const since = compromisedSince.toISOString()
  const why = 'no time stamp shows that the bundle is older'
  return new CountersignError(
    'ERR_LOG_PROOF_INVALID',
    `the log key that signed the proof is revoked as compromised since ${since}, and ${why}`,
    { hint: 'ask who released it for the bundle with a new proof', details: { since } },
  )
}
