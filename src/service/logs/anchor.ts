/** Holds the store against its anchor, before anything is signed and for as long as the service runs. */
import { basename, dirname } from 'node:path'
import { CountersignError } from '../../errors.ts'
import type { KeyVersion } from '../../keys/key.ts'
import type { LogNames } from '../../log/log-roles.ts'
import { acceptStoreBehind } from '../../rotation/accept-store-behind.ts'
import { type AnchorStorage, anchorIn } from '../../rotation/anchor-storage.ts'
import type { RotationContext } from '../../rotation/context.ts'
import type { RevokeAgain, StoreAnchor } from '../../rotation/store-anchor.ts'
import { transition } from '../../rotation/key-changes.ts'
import { openStorage, type OpenStorageOptions } from '../../storage/open-storage.ts'
import { isS3Uri, parseS3Uri } from '../../storage/s3/uri.ts'
import type { Lifecycle } from '../composition/lifecycle.ts'

/** What following an anchor stands on. */
export interface AnchorOptions {
  readonly anchor: StoreAnchor
  readonly rotation: RotationContext
  /** Names of the logs. */
  readonly names: LogNames
  /** Why the service goes on though the store is behind. */
  readonly accept: string | undefined
  readonly onAlert: (error: CountersignError, key?: string) => void
}

/** So far the anchor is behind the store at most, but for revocations. */
const CHECK_EVERY_MS = 1000

/** Why a revocation in the store may fail, and what is left to say is that the store is behind. */
const REPORTED = ['ERR_LOG_PROOF_INVALID', 'ERR_TRANSITION_REFUSED', 'ERR_STATE_CONFLICT'] as const

/**
 * Compares the store with its anchor, and again every second; what was revoked is revoked in the store too.
 *
 * @throws {@link CountersignError} ERR_FILE_READ, ERR_FILE_WRITE — the anchor cannot be used;
 * ERR_CONFIG_INVALID — accepted, and the log has its old name
 */
export async function followAnchor(options: AnchorOptions, lifecycle: Lifecycle): Promise<void> {
  const { accept: reason, anchor, names, onAlert, rotation } = options
  const { clock, randomMark, store } = rotation
  const revoke = revokeAgain(options)
  await anchor.check(revoke)
  if (reason !== undefined) {
    const by = { caller: undefined, requestId: `start-${randomMark()}`, reason }
    await acceptStoreBehind({ store, clock, anchor, names, by })
  }
  // What fails is reported by the anchor, once.
  const checkAgain = (): Promise<void> => anchor.check(revoke).catch(() => undefined)
  lifecycle.own({ [Symbol.asyncDispose]: checkAgain }, 'the anchor')
  lifecycle.every(CHECK_EVERY_MS, checkAgain, onAlert)
}

function revokeAgain({ onAlert, rotation }: AnchorOptions): RevokeAgain {
  const reason = 'it was revoked before the store was restored'
  return async ({ key, version }: KeyVersion, since) => {
    const now = rotation.now()
    const compromisedSince = since < now ? since : now
    const mode = { mode: 'seamless', force: true } as const
    const operation = { action: 'revoke', version, ...mode, compromisedSince } as const
    const requestId = `anchor-${rotation.randomMark()}`
    try {
      await transition(rotation, key, operation, { caller: undefined, requestId, reason })
    } catch (error) {
      if (!REPORTED.some((code) => CountersignError.is(error, code))) throw error
      if (CountersignError.is(error)) onAlert(error, key)
    }
  }
}

/**
 * Where the anchor of a store is: as it is configured, else beside an SQLite database.
 *
 * @returns undefined — nothing is kept outside of the store
 */
export function anchorLocation(configured: string | undefined, store: string): string | undefined {
  if (configured !== undefined) return configured
  const [, database] = /^sqlite:(.+)$/.exec(store) ?? []
  return database === undefined || database === ':memory:' ? undefined : `${database}.anchor`
}

/** What an anchor is called where only a folder is given. */
const ANCHOR_NAME = 'anchor.json'

/**
 * Opens the storage at a location.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — a malformed reference
 */
export async function openAnchorStorage(
  location: string | undefined,
  { env, lifecycle }: Pick<OpenStorageOptions, 'env'> & { readonly lifecycle: Lifecycle },
): Promise<AnchorStorage | undefined> {
  if (location === undefined) return undefined
  const { folder, name } = splitLocation(location)
  return anchorIn(lifecycle.own(await openStorage(folder, { env, isPublic: false })), name)
}

function splitLocation(location: string): { readonly folder: string; readonly name: string } {
  if (!isS3Uri(location)) {
    if (location.endsWith('/')) return { folder: location, name: ANCHOR_NAME }
    return { folder: dirname(location), name: basename(location) }
  }
  const { bucket, isFolder, key } = parseS3Uri(location)
  const query = /\?.*$/.exec(location)?.[0] ?? ''
  if (isFolder) return { folder: location, name: ANCHOR_NAME }
  const parent = dirname(key)
  const folder = parent === '.' ? `s3://${bucket}` : `s3://${bucket}/${parent}`
  return { folder: `${folder}${query}`, name: basename(key) }
}

/** What the operator should know of the anchor of a store, before it is begun. */
export async function anchorWarnings(
  anchor: AnchorStorage | undefined,
  { store, isFirst }: { readonly store: string; readonly isFirst: boolean },
): Promise<readonly string[]> {
  if (anchor === undefined) {
    if (!store.startsWith('postgres')) return []
    return [
      'no anchor (log.anchor): a database restored from an older backup signs again with versions that were revoked since; set log.anchor to a file that outlives the database, or to s3://BUCKET/KEY',
    ]
  }
  if (isFirst || (await anchor.read()) !== undefined) return []
  return [
    `no anchor at ${anchor.location}, though the store is in use: if the database was restored from a backup, nothing can show it; the anchor begins with what the store has now`,
  ]
}
