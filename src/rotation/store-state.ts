/** What a store has of what its anchor keeps, and whether it is behind. */
import { CountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import type { LogHead } from '../log/log-records.ts'
import { treeRoot } from '../log/proofs.ts'
import { nodesOfTiles } from '../log/tiles.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { Anchor, AnchoredLog } from './anchor.ts'

/** The store at one moment. */
export interface StoreState {
  readonly sequence: number
  readonly head: LogHead
  readonly versions: readonly KeyVersion[]
  /** Why it is behind the anchor; undefined: it is not. */
  readonly behind: CountersignError | undefined
  /** Whether its log does not continue the one that it had. */
  readonly isLogBehind: boolean
}

/**
 * Reads the store and compares it with an anchor.
 *
 * @param origin - the name of the log; under a new name it must continue the log of the last one
 */
export async function readStoreState(
  { keys, log }: Pick<StoreTransaction, 'keys' | 'log'>,
  anchor: Anchor,
  origin: string,
): Promise<StoreState> {
  const state = {
    // First: a change takes its number and writes its entries at once, so the log has all up to this number.
    sequence: await keys.sequence(),
    head: await log.head(),
    versions: await keys.versions(),
  }
  const before = logOf(anchor, origin)
  const difference = await logDifference(state.head, before, log)
  const why = difference ?? sequenceDifference(state, anchor)
  const behind = why === undefined ? undefined : storeBehind(why, before)
  return { ...state, behind, isLogBehind: difference !== undefined }
}

/** The log that the store has to continue: of this name, else of the last one. */
export function logOf({ logs }: Anchor, origin: string): AnchoredLog | undefined {
  return logs.find((log) => log.origin === origin) ?? logs.at(-1)
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

async function logDifference(
  { size, root }: LogHead,
  before: AnchoredLog | undefined,
  log: Pick<StoreTransaction['log'], 'tile'>,
): Promise<string | undefined> {
  if (before === undefined) return undefined
  if (size < before.size) return `its log has ${size} entries, and had ${before.size}`
  const node = nodesOfTiles((level, index) => log.tile(level, index))
  const then = size === before.size ? root : await treeRoot(before.size, node)
  return Buffer.from(then).equals(before.root)
    ? undefined
    : `the first ${before.size} entries of its log are not those it had`
}

function sequenceDifference(
  now: { readonly sequence: number },
  { sequence }: Anchor,
): string | undefined {
  return now.sequence < sequence
    ? `its publications are at number ${now.sequence}, and were at ${sequence}`
    : undefined
}

/** Makes the error of a store that is behind. */
export function storeBehind(why: string, before: AnchoredLog | undefined): CountersignError {
  return new CountersignError('ERR_STORE_BEHIND', `the store is older than it once was: ${why}`, {
    hint: 'was the database restored from a backup? follow docs/runbooks/restore.md',
    details: before === undefined ? {} : { origin: before.origin, size: before.size },
  })
}
