/** Which entries the log takes: those of signatures whose key version may sign at that very moment. */
import { CountersignError } from '../errors.ts'
import { signable } from '../keys/deadlines.ts'
import type { Key, KeyVersion } from '../keys/key.ts'
import type { Admit } from '../log/appender.ts'
import type { EntryKey, LogEntry } from '../log/entry.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { CheckedClock } from './checked-clock.ts'
import { findDifferent } from './key-rules.ts'
import type { StoreAnchor } from './store-anchor.ts'

type AdmissionRecords = Pick<StoreTransaction, 'keys' | 'log' | 'transparencyLog' | 'clock'>

/**
 * Makes the admission of a log: it reads the versions that made the signatures in the transaction that
 * appends their entries, so a version that is revoked on any replica gets no entry after its revocation,
 * and what it signed meanwhile is not released. That goes for the version that stamped a signature too, and
 * for a key whose rules another replica changed meanwhile.
 * Entries of anything but signatures are all admitted.
 *
 * @param configured - the keys with the rules that this replica signs by
 * @throws {@link CountersignError} from the admission: ERR_CLOCK — the clock is wrong, so no entry is admitted
 */
export function createAdmission(
  clock: Pick<CheckedClock, 'check'>,
  configured: readonly Key[],
): Admit<AdmissionRecords> {
  return async (store, entries) => {
    const time = await clock.check(store)
    const { keys: records } = store
    const signers = entries.map(signerOf)
    const stampers = entries.map(stamperOf)
    const kids = [
      ...new Set([
        ...signers.flatMap((signer) => signer?.kid ?? []),
        ...stampers.flatMap((kid) => kid ?? []),
      ]),
    ]
    if (kids.length === 0) return entries.map(() => undefined)
    const known = {
      versions: await records.versionsOf(kids),
      keys: await records.keys(),
      configured,
      time,
    }
    return signers.map(
      (signer, place) => signer && (judge(signer, known) ?? judgeStamp(stampers[place], known)),
    )
  }
}

/**
 * Makes an admission that takes no entry of a signature that rests on the logs, where one is shorter than it was
 * at the very moment of the append.
 */
export function anchoredAdmission(
  admit: Admit<AdmissionRecords>,
  anchor: Pick<StoreAnchor, 'behindAt'>,
): Admit<AdmissionRecords> {
  return async (store, entries) => {
    const refusals = await admit(store, entries)
    if (!entries.some(restsOnLogs)) return refusals
    const [audit, transparency] = [await store.log.head(), await store.transparencyLog.head()]
    const behind = anchor.behindAt({ audit: audit.size, transparency: transparency.size })
    if (behind === undefined) return refusals
    return entries.map(
      (entry, place) => refusals[place] ?? (restsOnLogs(entry) ? behind : undefined),
    )
  }
}

/** Tokens are verified by the key set of the moment; what releases nothing rests on nothing. */
function restsOnLogs({ type }: LogEntry): boolean {
  return type === 'signature' || type === 'attestation' || type === 'timestamp'
}

/** The version whose signature an entry lets out; undefined where it lets out none. */
function signerOf(entry: LogEntry): EntryKey | undefined {
  return RELEASES[entry.type] && 'key' in entry ? entry.key : undefined
}

/** Whether an entry lets out a signature of the version that it names. */
const RELEASES: Readonly<Record<LogEntry['type'], boolean>> = {
  signature: true,
  attestation: true,
  token: true,
  timestamp: true,
  state: false,
  denial: false,
  approval: false,
  rules: false,
  keyRules: false,
  clock: false,
  logNames: false,
  restore: false,
}

/** Who stamped the signature of an entry: a kid of ours, or the address of another authority. */
function stamperOf(entry: LogEntry): string | undefined {
  return entry.type === 'signature' || entry.type === 'attestation'
    ? entry.timestamp?.kid
    : undefined
}

interface Known {
  readonly versions: readonly KeyVersion[]
  readonly keys: readonly Key[]
  readonly configured: readonly Key[]
  readonly time: Date
}

function judgeStamp(stamper: string | undefined, known: Known): CountersignError | undefined {
  const version = known.versions.find(({ publicKey }) => publicKey.kid === stamper)
  if (version === undefined) return undefined
  const { key: name, version: number, publicKey } = version
  return judge({ name, version: number, kid: publicKey.kid }, known)
}

function judge(signer: EntryKey, known: Known): CountersignError | undefined {
  const version = known.versions.find(({ publicKey }) => publicKey.kid === signer.kid)
  const key = known.keys.find(({ name }) => name === signer.name)
  const isKnown = version?.key === signer.name && version.version === signer.version
  if (key !== undefined && isKnown) {
    const [different] = findDifferent([key], known.configured)
    return different?.error ?? signable(version, key, known.time)
  }
  const message = `${signer.name}@${signer.version} is not known to this service`
  return new CountersignError('ERR_KEY_NOT_USABLE', message, {
    hint: 'nothing was released',
    details: { key: signer.name, version: signer.version, kid: signer.kid },
  })
}
