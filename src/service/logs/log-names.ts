/** Names of the two logs, and whether the store goes on with them. */
import { CountersignError } from '../../errors.ts'
import { parseCheckpoint } from '../../formats/checkpoint.ts'
import { parseSignedNote } from '../../formats/signed-note.ts'
import { appendEntries } from '../../log/append.ts'
import type { LogNamesEntry } from '../../log/entry.ts'
import type { LogReader } from '../../log/log-records.ts'
import { type EarlierLogName, LOG_ROLES, type LogNames, type LogRole } from '../../log/log-roles.ts'
import { type LogTree, readProvenEntry } from '../../log/proven-entry.ts'
import type { Anchor } from '../../rotation/anchor.ts'
import type { CheckedClock } from '../../rotation/checked-clock.ts'
import type { Store } from '../../store/store.ts'

/**
 * The names of a service's logs: those that are configured, or made of its address.
 *
 * @param issuer - `https://sign.example.com/team` makes `sign.example.com` and `sign.example.com/team/audit`
 */
export function logNamesOf(
  { log }: { readonly log: Partial<Record<'origin' | 'auditOrigin', string | undefined>> },
  issuer: string,
): LogNames {
  const { host, hostname, pathname } = new URL(issuer)
  return {
    transparency: log.origin ?? hostname.replaceAll(/[[\]]/g, ''),
    audit: log.auditOrigin ?? `${host}${pathname.replace(/\/$/, '')}/audit`,
  }
}

/**
 * Makes sure that both logs go on under their names: under another, no checkpoint would continue those that
 * others keep.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — one has another name, or both the same; ERR_NOTE_INVALID — its checkpoint
 * is malformed
 */
export async function assertLogNames(
  store: Pick<Store, 'log' | 'transparencyLog'>,
  names: LogNames,
  isRenamed: boolean,
): Promise<void> {
  if (names.audit === names.transparency) throw sameName(names.audit)
  if (isRenamed) return
  const stored = { audit: store.log, transparency: store.transparencyLog }
  for (const role of LOG_ROLES) {
    const found = await storedName(stored[role])
    if (found !== undefined && found !== names[role]) {
      throw anotherLog(SETTINGS[role], found, names[role])
    }
  }
}

const SETTINGS: Readonly<Record<LogRole, string>> = {
  audit: 'log.auditOrigin',
  transparency: 'log.origin',
}

/** What recording the names of the logs stands on. */
export interface LogNamesRecord {
  readonly names: LogNames
  /** What is kept outside of the store. */
  readonly known: Pick<Anchor, 'logs'>
  readonly requestId: string
  readonly clock: Pick<CheckedClock, 'check'>
}

/**
 * Writes the names of the logs into the audit log where one changed: entries stay, and what was signed under
 * another name counts no more for what is signed next. Answers the names that the transparency log had before, for
 * the trusted root: bundles keep the proofs they were released with.
 *
 * @throws {@link CountersignError} ERR_CLOCK — one changed, and the clock is wrong; ERR_LOG_PROOF_INVALID — the
 * entry of the last change is not what the tree has there
 */
export async function recordLogNames(
  store: Pick<Store, 'transaction'>,
  { clock, known, names, requestId }: LogNamesRecord,
): Promise<readonly EarlierLogName[]> {
  return store.transaction(async (records) => {
    const { log: audit, transparencyLog: transparency } = records
    // Replicas that start at the same time write one entry.
    await audit.lockHead()
    const last = await readLastNames(audit)
    const stored = {
      audit: await storedName(audit),
      transparency: await storedName(transparency),
    }
    const recorded = last?.earlier.filter(({ origin }) => origin !== names.transparency) ?? []
    const anchored = known.logs.filter(({ log }) => log === 'transparency')
    const ended = newNames(
      [...anchored.map(({ origin }) => origin), last?.transparency, stored.transparency],
      [...recorded.map(({ origin }) => origin), names.transparency],
    )
    const auditBefore = last?.audit ?? stored.audit ?? names.audit
    if (ended.length === 0 && auditBefore === names.audit) return recorded
    const time = await clock.check(records)
    const earlier = [...recorded, ...ended.map((origin) => ({ origin, until: time }))]
    const about = { type: 'logNames', time, requestId, caller: undefined } as const
    await appendEntries(records, [{ ...about, ...names, earlier }])
    if (stored.audit !== names.audit) await audit.dropCheckpoint()
    if (stored.transparency !== names.transparency) await transparency.dropCheckpoint()
    return earlier
  })
}

function newNames(
  found: readonly (string | undefined)[],
  known: readonly string[],
): readonly string[] {
  const names = found.filter((name) => name !== undefined && !known.includes(name))
  return [...new Set(names)].filter((name) => name !== undefined)
}

async function readLastNames(log: LogTree): Promise<LogNamesEntry | undefined> {
  for (const index of await log.find('type:logNames', { limit: 1 })) {
    const entry = await readProvenEntry(log, index)
    if (entry.type === 'logNames') return entry
  }
  return undefined
}

async function storedName(log: Pick<LogReader, 'checkpoint'>): Promise<string | undefined> {
  const stored = await log.checkpoint()
  return stored && parseCheckpoint(parseSignedNote(Buffer.from(stored.note)).text).origin
}

function sameName(origin: string): CountersignError {
  const message = `both logs are called "${origin}", so neither could be told from the other`
  return new CountersignError('ERR_CONFIG_INVALID', message, {
    hint: 'set log.auditOrigin to another name, or leave it out',
    details: { origin },
  })
}

function anotherLog(setting: string, found: string, origin: string): CountersignError {
  const message = `the log in the store is "${found}", and ${setting} (or issuer, without it) says "${origin}"`
  return new CountersignError('ERR_CONFIG_INVALID', message, {
    hint: `a log keeps its name for ever: set ${setting} to ${found}; if entries were lost and a new log has to start, see docs/runbooks/restore.md`,
    details: { found, origin },
  })
}
