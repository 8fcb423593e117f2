/** Names of the two logs, and whether the store goes on with them. */
import { CountersignError } from '../errors.ts'
import { parseCheckpoint } from '../formats/checkpoint.ts'
import { parseSignedNote } from '../formats/signed-note.ts'
import type { LogReader, LogRecords } from '../log/log-records.ts'
import type { LogNames } from '../log/log-roles.ts'
import type { Store } from '../store/store.ts'

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
 * @param isAnew - begins them anew under the names: entries stay, and what was signed under another name counts
 * no more
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — one has another name, or both the same; ERR_NOTE_INVALID — its checkpoint
 * is malformed
 */
export async function settleLogNames(
  store: Pick<Store, 'log' | 'transparencyLog' | 'transaction'>,
  names: LogNames,
  isAnew: boolean,
): Promise<void> {
  const drop = (log: 'log' | 'transparencyLog') => () =>
    store.transaction((records) => dropCheckpoint(records[log]))
  if (names.audit === names.transparency) throw sameName(names.audit)
  const audit = { setting: 'log.auditOrigin', origin: names.audit, drop: drop('log') }
  await settleName(store.log, audit, isAnew)
  const { transparency: origin } = names
  const transparency = { setting: 'log.origin', origin, drop: drop('transparencyLog') }
  await settleName(store.transparencyLog, transparency, isAnew)
}

interface NamedLog {
  readonly setting: string
  readonly origin: string
  readonly drop: () => Promise<void>
}

async function settleName(
  log: LogReader,
  { setting, origin, drop }: NamedLog,
  isAnew: boolean,
): Promise<void> {
  const stored = await log.checkpoint()
  if (stored === undefined) return
  const { origin: found } = parseCheckpoint(parseSignedNote(Buffer.from(stored.note)).text)
  if (found === origin) return
  if (!isAnew) throw anotherLog(setting, found, origin)
  await drop()
}

function dropCheckpoint(log: LogRecords): Promise<void> {
  return log.dropCheckpoint()
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
    hint: `a log keeps its name for ever: set ${setting} to ${found}; where entries were lost and it has to begin anew, see docs/runbooks/restore.md`,
    details: { found, origin },
  })
}
