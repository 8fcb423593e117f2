/**
 * A key version as the log has it: its state entries, taken together, say in which state it is and since
 * when. A change of the database alone is not believed.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { KeyOrigin, KeyUse, VersionState } from '../keys/key.ts'
import { contradiction } from './contradiction.ts'
import type { EntryKey, StateFacts } from './entry.ts'
import { parseEntry } from './entry-format.ts'
import type { LogReader } from './log-records.ts'

/** A key version as the log has it; a transition not made has no time. */
export interface LoggedVersion extends VersionState {
  readonly key: EntryKey
  readonly use: KeyUse
  readonly origin: KeyOrigin
  /** SHA-256 of its certificates, hex; undefined: it has none. */
  readonly certificatesSha256: string | undefined
}

/** More changes than any version sees. */
const MAX_CHANGES = 1000

/**
 * Reads a version from the log; undefined where it is not there.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the entries do not follow from each other, or the
 * index lists more than a version can have
 */
export async function readLoggedVersion(
  log: Pick<LogReader, 'find' | 'entries'>,
  kid: string,
): Promise<LoggedVersion | undefined> {
  const indices = await log.find(`state:${kid}`, { limit: MAX_CHANGES + 1 })
  // Rows put into the index by hand must not push out the entries that count, such as a revocation.
  if (indices.length > MAX_CHANGES) throw tooManyChanges(kid)
  let logged: LoggedVersion | undefined
  for (const index of indices.toReversed()) {
    const [data] = await log.entries(index, index + 1)
    const entry = data && parseEntry(data)
    // Labels are not hashed, so the entry itself decides.
    if (entry?.type === 'state' && entry.key.kid === kid) logged = followState(logged, index, entry)
  }
  return logged
}

function tooManyChanges(kid: string): CountersignError {
  const message = `the index of the log lists more than ${MAX_CHANGES} state entries of one key version`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, { details: { kid } })
}

/**
 * A version once the log has one more entry.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the entry begins with another state than the one
 * before it ended with, or is of another version
 */
export function followState(
  before: LoggedVersion | undefined,
  index: number,
  entry: StateFacts,
): LoggedVersion {
  assertFollows(before, index, entry)
  const { key, use, to: state, compromisedSince, certificatesSha256 } = entry
  const origin = before?.origin ?? (entry.action === 'import' ? 'external' : 'generated')
  const facts = { key, use, origin, state, compromisedSince, certificatesSha256 }
  return { ...facts, ...timesAfter(before, entry) }
}

function assertFollows(before: LoggedVersion | undefined, index: number, entry: StateFacts): void {
  const { key, use, from } = entry
  if (from !== before?.state) {
    const logged = before === undefined ? 'none before it tells of that version' : before.state
    throw contradiction(index, `it begins with the state ${from ?? '"new"'}, and ${logged}`)
  }
  if (before === undefined) return
  const { name, version } = before.key
  if (key.name !== name || key.version !== version) {
    throw contradiction(index, `the same key pair was ${name}@${version} before`)
  }
  if (use === before.use) return
  throw contradiction(index, `its use is ${use}, and was ${before.use} before`)
}

type Times = Pick<
  LoggedVersion,
  'publishedAt' | 'activatedAt' | 'retiredAt' | 'revokedAt' | 'destroyedAt'
>

const NO_TIMES: Times = {
  publishedAt: undefined,
  activatedAt: undefined,
  retiredAt: undefined,
  revokedAt: undefined,
  destroyedAt: undefined,
}

function timesAfter(before: LoggedVersion | undefined, { action, time }: StateFacts): Times {
  const { publishedAt, activatedAt, retiredAt, revokedAt, destroyedAt } = before ?? NO_TIMES
  const times: Times = { publishedAt, activatedAt, retiredAt, revokedAt, destroyedAt }
  switch (action) {
    case 'publish':
      return { ...times, publishedAt: time }
    case 'activate':
      return { ...times, publishedAt: publishedAt ?? time, activatedAt: time }
    case 'retire':
      return { ...times, retiredAt: later(time, activatedAt) }
    case 'revoke':
      return { ...times, revokedAt: revokedAt ?? time }
    case 'destroy':
      return { ...times, destroyedAt: time }
    default:
      return times
  }
}

/** A window does not end before it starts, though the clock that ends it is behind. */
function later(time: Date, start: Date | undefined): Date {
  return start !== undefined && start > time ? start : time
}
