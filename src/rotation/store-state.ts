/** What a store has of what its anchor keeps, and whether it is behind. */
import { CountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import type { LogHead, LogReader } from '../log/log-records.ts'
import { LOG_ROLES, type LogNames, type LogRole } from '../log/log-roles.ts'
import { treeRoot } from '../log/proofs.ts'
import { nodesOfTiles } from '../log/tiles.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { Anchor, AnchoredLog } from './anchor.ts'

/** The store at one moment. */
export interface StoreState {
  readonly sequence: number
  readonly heads: Readonly<Record<LogRole, LogHead>>
  readonly versions: readonly KeyVersion[]
  /** Why it is behind the anchor; undefined: it is not. */
  readonly behind: CountersignError | undefined
  /** Whether one of its logs does not continue the one that it had. */
  readonly isLogBehind: boolean
}

/**
 * Reads the store and compares it with an anchor.
 *
 * @param names - of the logs; under a new name a log must continue the one that it had last
 */
export async function readStoreState(
  { keys, log: audit, transparencyLog: transparency }: AnchoredRecords,
  anchor: Anchor,
  names: LogNames,
): Promise<StoreState> {
  const logs = { audit, transparency }
  // First: a change takes its number and writes its entries at once, so the logs have all up to this number.
  const sequence = await keys.sequence()
  const heads = { audit: await audit.head(), transparency: await transparency.head() }
  const versions = await keys.versions()
  let behind: CountersignError | undefined
  for (const role of LOG_ROLES) {
    behind ??= await logBehind(heads[role], logOf(anchor, role, names[role]), logs[role])
  }
  const isLogBehind = behind !== undefined
  behind ??= sequenceBehind(sequence, anchor)
  return { sequence, heads, versions, behind, isLogBehind }
}

/** What of a transaction an anchor is about. */
export type AnchoredRecords = Pick<StoreTransaction, 'keys' | 'log' | 'transparencyLog'>

/** The log that the store has to continue: of this name, else of the last one. */
export function logOf({ logs }: Anchor, role: LogRole, origin: string): AnchoredLog | undefined {
  const named = logs.filter(({ log }) => log === role)
  return named.find((log) => log.origin === origin) ?? named.at(-1)
}

/** Finds versions that the anchor has as revoked, or as revoked for longer, and the store has not. */
export function findUnrevoked(
  { revoked }: Anchor,
  versions: readonly KeyVersion[],
): readonly { readonly version: KeyVersion; readonly since: Date }[] {
  return versions.flatMap((version) => {
    const since = revoked.get(version.publicKey.kid)
    const { compromisedSince } = version
    if (since === undefined) return []
    return compromisedSince !== undefined && compromisedSince <= since ? [] : [{ version, since }]
  })
}

async function logBehind(
  { size, root }: LogHead,
  before: AnchoredLog | undefined,
  reader: Pick<LogReader, 'tile'>,
): Promise<CountersignError | undefined> {
  if (before === undefined) return undefined
  if (size < before.size) return logShorter(size, before)
  const node = nodesOfTiles((level, index) => reader.tile(level, index))
  const then = size === before.size ? root : await treeRoot(before.size, node)
  if (Buffer.from(then).equals(before.root)) return undefined
  const why = `the first ${before.size} entries of its ${before.log} log are not those it had`
  return storeBehind(why, before)
}

/** Makes the error of a log that has fewer entries than it had. */
export function logShorter(size: number, before: AnchoredLog): CountersignError {
  return storeBehind(`its ${before.log} log has ${size} entries, and had ${before.size}`, before)
}

function sequenceBehind(now: number, { sequence: before }: Anchor): CountersignError | undefined {
  if (now >= before) return undefined
  return storeBehind(`its publications are at number ${now}, and were at ${before}`)
}

function storeBehind(why: string, before?: AnchoredLog): CountersignError {
  return new CountersignError('ERR_STORE_BEHIND', `the store is older than it once was: ${why}`, {
    hint: 'was the database restored from a backup? follow docs/runbooks/restore.md',
    details: before === undefined ? {} : { origin: before.origin, size: before.size },
  })
}
