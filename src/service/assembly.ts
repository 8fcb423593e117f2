/**
 * Puts the rooms of the service together: what stands on what, in the order in which it must start, and
 * the reverse in which it must stop. It reads no configuration and no clock; `server.ts` hands them in.
 *
 * @packageDocumentation
 */
import type { ApprovalSettings } from '../access/approvals.ts'
import type { AuthenticatorSettings } from '../access/settings.ts'
import {
  type Authenticator,
  createAuthenticator,
  type ReplayMemory,
} from '../access/authenticate.ts'
import { createAuthorizer } from '../access/authorize.ts'
import type { PolicySource } from '../access/policy-problem.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import type { Key } from '../keys/key.ts'
import type { PublicationLifetimes } from '../keys/publication-times.ts'
import type { LogNames } from '../log/log-roles.ts'
import { startLogs } from './logs/logs.ts'
import type { LogWitnesses } from './logs/witnesses.ts'
import { startTimer } from '../basics/timer.ts'
import type { Providers } from '../providers/registry.ts'
import type { AnchorStorage } from '../rotation/anchor-storage.ts'
import { anchoredKeyring } from '../rotation/anchored-keyring.ts'
import { CheckedClock, type MachineClock } from '../rotation/checked-clock.ts'
import { clockedKeyring } from '../rotation/clocked-keyring.ts'
import { configuredKeyring } from '../rotation/configured-keyring.ts'
import { anchoredAdmission, createAdmission } from '../rotation/admission.ts'
import type { RotationContext } from '../rotation/context.ts'
import { resetClock } from '../rotation/reset-clock.ts'
import { ensureKeys } from '../rotation/ensure-keys.ts'
import { createScheduler } from '../rotation/scheduler.ts'
import { settleFutureVersions } from '../rotation/future-versions.ts'
import { findDifferent } from '../rotation/key-rules.ts'
import type { Keyring, KeyringSnapshot } from '../rotation/keyring.ts'
import type { SigningObserver } from '../rotation/open-signers.ts'
import { StoreAnchor } from '../rotation/store-anchor.ts'
import { createKeyring, type StoreKeyring } from '../rotation/store-keyring.ts'
import type { Archives } from '../store/database-store.ts'
import type { Store } from '../store/store.ts'
import { createStampClock } from '../timestamp/stamp-clock.ts'
import { followAnchor } from './logs/anchor.ts'
import { createApprovals } from './authorization/approval.ts'
import { recordRules } from './authorization/approval-rules.ts'
import { createAuthorization } from './authorization/authorization.ts'
import { createReadiness, startHealth } from './health/readiness.ts'
import type { ServiceContext, ServiceSettings } from './context.ts'
import { allObservers } from './health/observers.ts'
import { watchService } from './metrics/looks.ts'
import type { ServiceMetrics } from './metrics/service-metrics.ts'
import { FailureLog, type FailureLogOptions } from './http/failures.ts'
import { Lifecycle } from './composition/lifecycle.ts'
import { createRotationContext } from './composition/rotation-context.ts'
import { recordLogNames } from './logs/log-names.ts'
import { startTileMovers, type TileMoversOptions } from './logs/log-tiles.ts'
import { openKeyOf, openLogKeys } from './publishing/own-keys.ts'
import { createPublications, type Publications } from './publishing/publications.ts'
import {
  createEmbeddedAuthority,
  embeddedStamper,
  ownStamper,
  type Stamper,
} from './composition/stamper.ts'

/** What the service is made of; store and providers are closed by the code that opened them. */
export interface AssemblyOptions {
  readonly settings: Omit<ServiceSettings, 'earlierLogNames'>
  readonly store: Store
  readonly providers: Providers
  readonly keys: readonly Key[]
  readonly access: AuthenticatorSettings
  readonly approvals: ApprovalSettings & { readonly examinedEntries: readonly number[] }
  /** None: every request is denied. */
  readonly policies: readonly PolicySource[]
  readonly log: {
    readonly names: LogNames
    readonly checkpointEveryMs: number
    /** Where full tiles are moved to; left out: nowhere. */
    readonly archives?: Archives
    /** Where it is kept how far the store was; left out: in memory. */
    readonly anchor?: AnchorStorage | undefined
    readonly witnesses?: LogWitnesses | undefined
  }
  /** How long a signed key history counts. */
  readonly keyHistory: PublicationLifetimes
  /** Who stamps the signatures of a key: `embedded`, `none`, or an address. */
  readonly timestampsOf: (key: string) => string
  readonly tokenRulesOf: ServiceContext['tokenRulesOf']
  /** Makes the stamper of an address; `now` is the time that its time stamps are compared with. */
  readonly remoteStamper: (address: string, now: () => Date) => Stamper
  readonly machine: MachineClock
  /** Why the log goes on by this machine's clock, though its latest entry is ahead of it. */
  readonly resetClock?: string | undefined
  /** Why the service goes on with a store that is behind its anchor. */
  readonly acceptStoreBehind?: string | undefined
  /** Why the rules of the keys are to count for all replicas, though the store has others. */
  readonly acceptRules?: string | undefined
  readonly randomId: () => string
  readonly randomMark: () => string
  /** From 0 up to 1; spreads the work of replicas, protects nothing. */
  readonly random: () => number
  /** What is counted and measured; left out: nothing. */
  readonly metrics?: ServiceMetrics | undefined
  /** Told of what fails in the background, and with which key. */
  readonly onAlert: (error: CountersignError, key?: string) => void
  /** Writes a line for the operator into the log of the process. */
  readonly onInfo: TileMoversOptions['onInfo']
  /** Ends the waiting for first versions of keys. */
  readonly signal: AbortSignal
}

/** A service that is ready to answer. */
export interface AssembledService {
  readonly context: ServiceContext
  /** Stops everything, and waits for it no longer than until the deadline; see {@link Lifecycle.stop}. */
  readonly stop: (deadline?: AbortSignal) => Promise<void>
}

/**
 * Starts everything behind the routes. Once it fulfils, each key has a version that signs.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID, ERR_POLICY_INVALID — settings that can't be meant;
 * ERR_KEY_NOT_USABLE — a key got no version in time; ERR_STORE_UNAVAILABLE
 */
export async function assembleService(options: AssemblyOptions): Promise<AssembledService> {
  const lifecycle = new Lifecycle()
  try {
    return {
      context: await start(options, lifecycle),
      stop: (deadline) => lifecycle.stop(deadline),
    }
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

/** The options, with the clock that everything is dated by. */
type Clocked = AssemblyOptions & { readonly clock: CheckedClock }

async function start(given: AssemblyOptions, lifecycle: Lifecycle): Promise<ServiceContext> {
  const { keys, metrics, onAlert, policies, store } = given
  let known = (): readonly Key[] => keys
  const clock = new CheckedClock({ machine: given.machine, keys: () => known() })
  const { now } = clock
  const options: Clocked = { ...given, clock }
  // Mistakes of the configuration come to light before anything is made.
  const authorizer = await createAuthorizer(policies)
  const authenticator = createCallerCheck(options)
  const { anchor, rotation } = await startRotation(options, lifecycle)
  const settings = await recordSettings(options, anchor)
  const health = startHealth(options, lifecycle)
  const observer = allObservers(health.outcomes, metrics?.calls)
  const followed = await startKeyring(options, lifecycle, { rotation, observer })
  known = () => followed.snapshot.keys
  const configured = keys.map(({ name }) => name)
  const own = anchoredKeyring(configuredKeyring(followed, keys), anchor)
  const keyring = clockedKeyring(own, () => clock.assertRight(store))
  const logs = startLogs(lifecycle, {
    ...{ store, now, onAlert, log: given.log },
    admit: anchoredAdmission(createAdmission(clock, keys), anchor),
    // Of no time: a checkpoint is signed whatever the clock shows.
    openKeys: (use) => openLogKeys(use, own, configured),
  })
  const appender = metrics?.measured(logs.appender) ?? logs.appender
  lifecycle.every(SWEEP_MS, () => store.sweep(now()), onAlert)
  const published = { keyring, ageMs: followed.ageMs }
  const publications = await startPublications({ ...options, settings }, lifecycle, published)
  const checkTiles = startTiles(given, lifecycle)
  const { admit: mayPass, mayBePermitted } = authorizer
  const { assertCurrent } = anchor
  const failures = startFailureLog(options, lifecycle, { appender, mayBePermitted })
  const timestampAuthority = createEmbeddedAuthority(keyring, createStampClock(now), configured)
  health.watch(own, configured)
  const readiness = createReadiness(options, {
    ...{ anchor, health, publications, keyring: followed, checkpointers: logs.checkpointers },
    others: [checkTiles, logs.witnessCheck],
  })
  watchService(metrics, lifecycle, { keyring: followed, now, publications, readiness, store })
  return {
    ...{ settings, store, keyring, appender, publications, now, clock, metrics },
    proveLeaf: logs.proveLeaf,
    randomId: options.randomId,
    authenticate: (authorization, asked) => authenticator.authenticate(authorization, asked),
    admit: mayPass,
    mayBePermitted,
    mayReadKey: (caller, key) => authorizer.explain(caller, { action: 'readKeys', key }).isAllowed,
    authorize: createAuthorization(authorizer, failures, metrics?.denial),
    approvals: createApprovals({ ...options, assertCurrent, now, settings: options.approvals }),
    rotation,
    failures,
    tokenRulesOf: options.tokenRulesOf,
    timestampAuthority,
    stamperOf: stampers(options, embeddedStamper(timestampAuthority)),
    readiness,
  }
}

/** Once it fulfils, what was once revoked is revoked in the store too. */
async function startRotation(
  options: Clocked,
  lifecycle: Lifecycle,
): Promise<{ readonly anchor: StoreAnchor; readonly rotation: RotationContext }> {
  const { acceptStoreBehind: accept, log, onAlert, store } = options
  const { anchor: storage, names } = log
  const anchor = await StoreAnchor.open({ store, onAlert, names, storage })
  const rotation = createRotationContext({ ...options, issuer: options.settings.issuer, anchor })
  await startClock(options)
  await followAnchor({ anchor, rotation, accept, onAlert, names }, lifecycle)
  await settleKeys(options, rotation)
  return { anchor, rotation }
}

/** Once it fulfils, the audit log has the names of the logs and the rules of approval. */
async function recordSettings(
  { approvals, clock, log: { names }, randomMark, settings, store }: Clocked,
  { known }: StoreAnchor,
): Promise<ServiceSettings> {
  const requestId = `start-${randomMark()}`
  const earlierLogNames = await recordLogNames(store, { names, known, clock, requestId })
  await recordRules(store, approvals, { requestId, clock })
  return { ...settings, earlierLogNames }
}

/** Once the clock is right again, no key waits for a time that a wrong one showed. */
async function settleKeys(
  { keys, onAlert, randomMark, resetClock: reason, store }: Clocked,
  rotation: RotationContext,
): Promise<void> {
  if (reason === undefined) return
  const by = { caller: undefined, requestId: `start-${randomMark()}`, reason }
  const known = await store.transaction((records) => records.keys.keys())
  for (const { name } of keys) {
    if (!known.some((key) => key.name === name)) continue
    await settleFutureVersions(rotation, name, by).catch((error: unknown) => {
      onAlert(toCountersignError(error), name)
    })
  }
}

/** Once it fulfils, each key has a version that signs. */
async function startKeyring(
  { acceptRules, keys, machine: { monotonicMs }, onAlert, providers, signal, store }: Clocked,
  lifecycle: Lifecycle,
  {
    rotation,
    observer,
  }: { readonly rotation: RotationContext; readonly observer: SigningObserver },
): Promise<StoreKeyring> {
  const configured = keys.map(({ name }) => name)
  const scheduler = lifecycle.own(
    createScheduler({ rotation, onAlert, configured }),
    'the scheduler of rotations',
  )
  await ensureKeys(rotation, keys, { scheduler, signal, acceptRules })
  void scheduler.runOnce().then(() => {
    scheduler.start()
  })
  const openKey: Providers['openKey'] = (...asked) => providers.openKey(...asked)
  const keyring = await createKeyring({ store, openKey, monotonicMs, observer, onError: onAlert })
  lifecycle.own(keyring, 'the keyring')
  alertDifferent(keys, keyring, onAlert)
  return keyring
}

/** Alerts the operator to keys that do not sign here, since other rules apply to them. */
function alertDifferent(
  keys: readonly Key[],
  keyring: StoreKeyring,
  onAlert: AssemblyOptions['onAlert'],
): void {
  const look = ({ keys: stored }: KeyringSnapshot): void => {
    for (const { name, error } of findDifferent(stored, keys)) onAlert(error, name)
  }
  look(keyring.snapshot)
  keyring.onChange(look)
}

/** A wrong clock keeps the service from releasing anything, not from saying so. */
async function startClock({
  clock,
  onAlert,
  randomMark,
  resetClock: reason,
  store,
}: Clocked): Promise<void> {
  try {
    const by = { caller: undefined, requestId: `start-${randomMark()}` }
    if (reason !== undefined) await resetClock({ store, clock, by: { ...by, reason } })
    await clock.check(store)
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_CLOCK')) throw error
    onAlert(error)
  }
}

function createCallerCheck({ access, clock: { now }, onAlert, store }: Clocked): Authenticator {
  const replays: ReplayMemory = {
    useOnce: (...used) => store.transaction(({ replays }) => replays.useOnce(...used)),
  }
  return createAuthenticator({ ...access, now, replays, onKeysUnavailable: onAlert })
}

/** What it counts is written at times, and at the end. */
function startFailureLog(
  { clock: { now }, onAlert }: Clocked,
  lifecycle: Lifecycle,
  parts: Pick<FailureLogOptions, 'appender' | 'mayBePermitted'>,
): FailureLog {
  const failures = new FailureLog({ ...parts, now })
  lifecycle.own({ [Symbol.asyncDispose]: () => failures.summarize('all') }, 'the log of failures')
  lifecycle.every(SUMMARY_MS, () => failures.summarize(), onAlert)
  return failures
}

function startTiles(
  { log: { archives = {}, names }, onAlert, onInfo, settings, store }: AssemblyOptions,
  lifecycle: Lifecycle,
): ReturnType<typeof startTileMovers> {
  const { isLogPublic } = settings
  return startTileMovers(lifecycle, { archives, isLogPublic, names, onAlert, onInfo, store })
}

/** Once it fulfils, everything is published, the signed history included. */
async function startPublications(
  {
    clock: { now },
    keyHistory,
    keys,
    onAlert,
    random,
    settings,
    store,
  }: Clocked & Pick<ServiceContext, 'settings'>,
  lifecycle: Lifecycle,
  { keyring, ageMs }: { readonly keyring: Keyring } & Pick<StoreKeyring, 'ageMs'>,
): Promise<Publications> {
  const configured = keys.map(({ name }) => name)
  const publications = createPublications({
    keyring,
    ageMs,
    store,
    onAnnouncement: (listener) => store.onAnnouncement(listener),
    lifetimes: keyHistory,
    random,
    names: settings,
    trustSigner: async () => (await openKeyOf('trust', keyring, configured)).signer,
    now,
    startTimer,
    onError: onAlert,
  })
  lifecycle.own({
    [Symbol.asyncDispose]: () => {
      publications[Symbol.dispose]()
      return Promise.resolve()
    },
  })
  await publications.settled()
  return publications
}

const SWEEP_MS = 10 * 60_000

/** What was counted for a minute is written this soon. */
const SUMMARY_MS = 10_000

function stampers(
  { clock: { now }, remoteStamper, timestampsOf }: Clocked,
  embedded: Stamper,
): ServiceContext['stamperOf'] {
  return (key) => {
    const who = timestampsOf(key)
    if (who === 'none') return undefined
    return who === 'embedded' ? embedded : ownStamper(remoteStamper(who, now))
  }
}
