/** Where the full tiles of the logs are kept (`log.tiles`), and what moves them there. */
import { CountersignError, toCountersignError } from '../../errors.ts'
import { isWithin } from '../../files.ts'
import { assertArchived } from '../../log/moved-leaves.ts'
import { LOG_ROLES, type LogNames, type LogRole } from '../../log/log-roles.ts'
import { TileArchive } from '../../log/tile-archive.ts'
import { TileMover } from '../../log/tile-mover.ts'
import { type StartTimer, startTimer as startNodeTimer } from '../../basics/timer.ts'
import { openStorage, type OpenStorageOptions } from '../../storage/open-storage.ts'
import { isS3Uri, parseS3Uri } from '../../storage/s3/uri.ts'
import type { Archives } from '../../store/database-store.ts'
import type { Store, StoreTransaction } from '../../store/store.ts'
import type { ReadinessCheck } from '../context.ts'
import type { Lifecycle } from '../composition/lifecycle.ts'

/** Where the tiles of each log are kept: a folder, or `s3://BUCKET/PREFIX`; undefined: in the database. */
export type TileLocations = Readonly<Record<LogRole, string | undefined>>

/**
 * Makes sure that the logs have places of their own, none within the other's: what serves the public one must not
 * reach the private one.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID
 */
export async function assertTilesApart({ audit, transparency }: TileLocations): Promise<void> {
  if (audit === undefined || transparency === undefined) return
  const isShared =
    isS3Uri(audit) && isS3Uri(transparency)
      ? parseS3Uri(audit).bucket === parseS3Uri(transparency).bucket
      : !isS3Uri(audit) &&
        !isS3Uri(transparency) &&
        ((await isWithin(audit, transparency)) || (await isWithin(transparency, audit)))
  if (!isShared) return
  throw new CountersignError(
    'ERR_CONFIG_INVALID',
    'log.tiles.audit and log.tiles.transparency share a folder or a bucket',
    {
      hint: 'give the audit log a bucket of its own, or a folder that is not within the other: readers of the public tiles could read it',
    },
  )
}

/** What archives are opened with. */
export interface OpenTilesOptions extends Pick<OpenStorageOptions, 'env'> {
  readonly lifecycle: Lifecycle
  readonly isLogPublic: boolean
}

/**
 * Opens the places; nothing is asked of them yet.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — they are not apart
 */
export async function openTileArchives(
  locations: TileLocations,
  { env, isLogPublic, lifecycle }: OpenTilesOptions,
): Promise<Archives> {
  await assertTilesApart(locations)
  const archives = new Map<LogRole, TileArchive>()
  for (const role of LOG_ROLES) {
    const location = locations[role]
    if (location === undefined) continue
    const isPublic = role === 'transparency' && isLogPublic
    const storage = await openStorage(location, { env, isPublic })
    archives.set(role, new TileArchive(lifecycle.own(storage)))
  }
  return Object.fromEntries(archives)
}

/**
 * Makes sure that what was moved out of a database is where it is looked for; warnings, where that cannot be known.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — it is not
 */
export async function checkArchives(
  store: Pick<Store, 'log' | 'transparencyLog'>,
  archives: Archives,
): Promise<readonly string[]> {
  const warnings: string[] = []
  for (const role of LOG_ROLES) {
    try {
      await assertArchived(logOf(store, role), archives[role])
    } catch (error) {
      if (!CountersignError.is(error, 'ERR_STORE_UNAVAILABLE')) throw error
      warnings.push(
        `log.tiles.${role} does not answer: older entries of that log cannot be read until it does (${error.message})`,
      )
    }
  }
  return warnings
}

function logOf<T>(logs: { readonly log: T; readonly transparencyLog: T }, role: LogRole): T {
  return role === 'audit' ? logs.log : logs.transparencyLog
}

/** What moving tiles stands on. */
export interface TileMoversOptions {
  readonly store: Store
  readonly archives: Archives
  readonly names: LogNames
  readonly isLogPublic: boolean
  readonly onAlert: (error: CountersignError) => void
  /** Writes a line for the operator into the log of the process. */
  readonly onInfo: (message: string, about?: Readonly<Record<string, unknown>>) => void
  /** Default: 10 s. */
  readonly intervalMs?: number | undefined
  readonly startTimer?: StartTimer | undefined
}

const INTERVAL_MS = 10_000
const MAX_INTERVAL_MS = 5 * 60_000

/** Starts what moves tiles; answers checks, which are no reason to take the service out of use. */
export function startTileMovers(
  lifecycle: Lifecycle,
  options: TileMoversOptions,
): () => readonly ReadinessCheck[] {
  const running = LOG_ROLES.flatMap((role) => {
    const archive = options.archives[role]
    return archive === undefined ? [] : [lifecycle.own(startMover(role, archive, options))]
  })
  return () => running.map(({ check }) => check)
}

interface RunningMover extends AsyncDisposable {
  readonly check: ReadinessCheck
}

function startMover(role: LogRole, archive: TileArchive, options: TileMoversOptions): RunningMover {
  const { intervalMs = INTERVAL_MS, onAlert, onInfo, startTimer = startNodeTimer, store } = options
  const stopping = new AbortController()
  const mover = new TileMover({
    log: logOf(store, role),
    origin: options.names[role],
    archive,
    writer: { storage: archive.storage, isPublic: role === 'transparency' && options.isLogPublic },
    forget: (start, end) =>
      store.transaction((records: StoreTransaction) =>
        logOf(records, role).forgetMoved(start, end),
      ),
  })
  let failure: CountersignError | undefined
  let failures = 0
  let stopTimer = (): void => undefined
  let running: Promise<void> = Promise.resolve()

  async function pass(): Promise<void> {
    try {
      const moved = await store.withLock(`log.tiles.${role}`, () => mover.run(stopping.signal))
      if (failure !== undefined) onInfo(`log.tiles.${role} works again`, { log: role })
      failures = 0
      failure = undefined
      if (moved !== undefined && moved.entries > 0) {
        const { entries, total } = moved
        onInfo(`moved ${entries} entries of the ${role} log`, { log: role, entries, total })
      }
    } catch (thrown) {
      const error = toCountersignError(thrown)
      failures += 1
      if (failure?.message !== error.message) onAlert(error)
      failure = error
    }
  }

  function schedule(): void {
    const wait = Math.min(intervalMs * 2 ** failures, MAX_INTERVAL_MS)
    stopTimer = startTimer(() => {
      running = pass().then(() => {
        if (!stopping.signal.aborted) schedule()
      })
    }, wait)
  }

  schedule()
  return {
    check: {
      name: `${role} log tiles`,
      isAdvisory: true,
      check: () => (failure === undefined ? Promise.resolve() : Promise.reject(failure)),
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      stopTimer()
      await running
    },
  }
}
