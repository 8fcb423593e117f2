/**
 * The composition root of the service: makes everything of the configuration, with the clock of this
 * machine and randomness of node:crypto, and listens. Whatever can't work fails here and not with the
 * first request.
 *
 * @packageDocumentation
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { readPolicyFolder } from '../access/policy-folder.ts'
import type { Config, KeySettings } from '../config/config.ts'
import { withEmbeddedKeys } from '../config/embedded-keys.ts'
import type { Environment } from '../config/environment.ts'
import { readSecret } from '../config/secret.ts'
import { toTokenRules } from '../config/token-rules.ts'
import { CountersignError } from '../errors.ts'
import type { Key, KeyVersion } from '../keys/key.ts'
import type { LogNames } from '../log/log-roles.ts'
import { fileReference } from '../providers/file/uri.ts'
import { parseKeyUri } from '../providers/key-uri.ts'
import { allLoaders } from '../providers/loaders.ts'
import { completeInLocation, parseProviderReference } from '../providers/provider-reference.ts'
import { createProviders, type Providers } from '../providers/registry.ts'
import { RenewableFiles } from '../basics/renewal.ts'
import type { AnchorStorage } from '../rotation/anchor-storage.ts'
import type { MachineClock } from '../rotation/checked-clock.ts'
import { notConfigured } from '../rotation/configured-keyring.ts'
import { serializeTokenRules } from '../rotation/key-rules.ts'
import { openStore } from '../store/open-store.ts'
import type { Archives } from '../store/database-store.ts'
import type { Store } from '../store/store.ts'
import { anchorLocation, anchorWarnings, openAnchorStorage } from './logs/anchor.ts'
import { type AssembledService, assembleService, type AssemblyOptions } from './assembly.ts'
import type { ServiceContext } from './context.ts'
import { readAccess } from './composition/access-settings.ts'
import { createHttpServer, renewSecureContext } from './http/server.ts'
import { type DrainTimes, drainTimes, stopInTime } from './composition/drain-times.ts'
import { Lifecycle } from './composition/lifecycle.ts'
import { isLoopback, listen, listeningOrigin, stopListening } from './http/listening.ts'
import { assertLogNames, logNamesOf } from './logs/log-names.ts'
import { checkArchives, openTileArchives } from './logs/log-tiles.ts'
import { RENEWAL_INTERVAL_MS, Renewals } from './composition/renewals.ts'
import { remoteStampers } from './composition/remote-stampers.ts'
import { readTlsFiles, type TlsFiles } from './http/tls-files.ts'
import { listenForMetrics } from './metrics/listener.ts'
import { ServiceMetrics } from './metrics/service-metrics.ts'
import { openWitnesses } from './logs/witnesses.ts'
import { changedKeys, warningsOf } from './composition/warnings.ts'

/** What the service is started with. */
export interface ServerOptions {
  readonly config: Config
  readonly env: Environment
  /** Where the log of the process goes, one JSON object a line. */
  readonly output: { readonly write: (line: string) => unknown }
  /** Whether the schema of a PostgreSQL store is brought up to date; SQLite's always is. */
  readonly migrate?: boolean | undefined
  /** Whether a log of another name goes on under the configured one; see docs/runbooks/restore.md. */
  readonly newLog?: boolean | undefined
  /** Why the log goes on by this machine's clock, see docs/runbooks/clock.md. */
  readonly resetClock?: string | undefined
  /** Why the service goes on with a store that was restored, see docs/runbooks/restore.md. */
  readonly acceptStoreBehind?: string | undefined
  /** Why the rules of the configured keys are to count for all replicas, see docs/runbooks/rotation.md. */
  readonly acceptKeyRules?: string | undefined
  readonly fetch: typeof fetch
  /** Default: the clocks of this machine. */
  readonly clock?: MachineClock | undefined
  /** Gives up the start. */
  readonly signal: AbortSignal
}

const MACHINE_CLOCK: MachineClock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
}

/** A service that listens. Disposing it finishes what runs, within its drain time, and stops. */
export interface RunningServer extends AsyncDisposable {
  /** `http://127.0.0.1:8080` */
  readonly address: string
  /** Where `/metrics` answers; undefined: nowhere. */
  readonly metricsAddress: string | undefined
  readonly issuer: string
  readonly keys: readonly Key[]
  readonly versions: readonly KeyVersion[]
  readonly logNames: LogNames
  /** Warnings for the operator, in whole sentences. */
  readonly warnings: readonly string[]
  /** Reads certificates, keys of TLS and credentials again, and writes into its log what was renewed. Never rejects. */
  readonly renew: () => Promise<void>
}

/** How long first versions of keys may take, all together. */
const FIRST_VERSIONS_MS = 120_000

/** Answers are remembered that long; retries come within minutes. */
const IDEMPOTENCY_SECONDS = 24 * 3600
const FAILURES_PER_MINUTE = 30

/**
 * Starts the service.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID, ERR_POLICY_INVALID, ERR_FILE_READ — what is configured
 * can't be used; ERR_KEY_NOT_USABLE — a key got no version that signs; ERR_STORE_UNAVAILABLE; ERR_NETWORK —
 * the address is taken
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const lifecycle = new Lifecycle()
  try {
    return await start(options, lifecycle)
  } catch (error) {
    await lifecycle.stop().catch(() => undefined)
    throw error
  }
}

async function start(options: ServerOptions, lifecycle: Lifecycle): Promise<RunningServer> {
  const { config } = options
  const issuer = issuerOf(config)
  const keys = withEmbeddedKeys(config)
  const { tls: files } = config.serve
  const tls =
    files && (await RenewableFiles.open({ name: 'serve.tls', read: () => readTlsFiles(files) }))
  const providers = lifecycle.own(openProviders(keys, options), 'a backend of keys')
  const { isPublic: isLogPublic, tiles } = config.log
  const archives = await openTileArchives(tiles, { env: options.env, isLogPublic, lifecycle })
  const store = lifecycle.own(await openConfiguredStore(options, archives), 'the store')
  const tilesSaid = await checkArchives(store, archives)
  const isNewLog = options.newLog === true || options.acceptStoreBehind !== undefined
  const logNames = logNamesOf(config, issuer)
  await assertLogNames(store, logNames, isNewLog)
  const known = await store.transaction((records) => records.keys.keys())
  const anchor = await openAnchorStorage(anchorLocation(config.log.anchor, config.store), {
    env: options.env,
    lifecycle,
  })
  const isFirst = known.length === 0
  const anchorSaid = await anchorWarnings(anchor, { store: config.store, isFirst })
  const { clock = MACHINE_CLOCK } = options
  const metrics = config.serve.metrics && new ServiceMetrics(clock.monotonicMs)
  const service = await assemble({
    ...{ anchor, archives, issuer, keys, metrics, options, providers, store },
  })
  lifecycle.ownStoppable('the service', (deadline) => service.stop(deadline))
  const drain = drainTimes(config.serve)
  const app = await startRequests(service.context, { options, tls, drain, lifecycle })
  const onError = alertOf(options, metrics)
  const renewals = new Renewals({
    files: [...(tls === undefined ? [] : [tls]), ...store.renewables],
    credentials: [{ name: 'AWS credentials', renew: () => providers.renewCredentials() }],
    ...{ onInfo: infoOf(options), onError },
  })
  lifecycle.every(RENEWAL_INTERVAL_MS, () => renewals.runFiles(), onError)
  const address = await listen(app, config.serve)
  const metricsAddress = await serveMetrics(metrics, config.serve.metrics, lifecycle)
  const { snapshot } = service.context.keyring
  return {
    address,
    metricsAddress,
    issuer,
    keys: snapshot.keys,
    versions: snapshot.versions,
    logNames,
    warnings: [
      ...changedKeys({ configured: Object.keys(keys), known, versions: snapshot.versions }),
      ...anchorSaid,
      ...tilesSaid,
      ...warningsOf({
        ...{ ...config.serve, ...config.access, ...config.trust },
        ...{ store: config.store, keys },
      }),
    ],
    renew: () => renewals.runAll(),
    [Symbol.asyncDispose]: () => stopInTime(lifecycle, drain),
  }
}

interface RequestParts {
  readonly options: ServerOptions
  readonly tls: RenewableFiles<TlsFiles> | undefined
  readonly drain: DrainTimes
  readonly lifecycle: Lifecycle
}

/** Makes what answers requests; it takes renewed certificates, and finishes what runs when the service stops. */
async function startRequests(
  context: ServiceContext,
  { drain, lifecycle, options: { config, output }, tls }: RequestParts,
): Promise<FastifyInstance> {
  const app = await createHttpServer(context, {
    logger: { level: 'info', stream: output, redact: [...REDACTED] },
    trustProxy: config.serve.trustProxy,
    tls: tls?.current,
  })
  tls?.onRenewed((contents) => {
    renewSecureContext(app, contents)
  })
  lifecycle.own({ [Symbol.asyncDispose]: () => stopListening(app, drain) }, 'the requests')
  return app
}

/** Once everything else answers, so that a scrape sees a whole service. */
async function serveMetrics(
  metrics: ServiceMetrics | undefined,
  address: Config['serve']['metrics'],
  lifecycle: Lifecycle,
): Promise<string | undefined> {
  if (metrics === undefined || address === undefined) return undefined
  return lifecycle.own(await listenForMetrics(metrics, address), 'the metrics').address
}

/** Writes what went well in the background into the log of the process. */
function infoOf({ output }: ServerOptions): AssemblyOptions['onInfo'] {
  return (msg, about) => {
    output.write(`${JSON.stringify({ level: 30, time: Date.now(), msg, ...about })}\n`)
  }
}

async function openConfiguredStore(
  { config, env, migrate }: ServerOptions,
  archives: Archives,
): Promise<Store> {
  const { store, storeConnections: maxConnections, storePassword } = config
  const password = storePassword === undefined ? undefined : () => readSecret(storePassword, env)
  // Found missing here and not with the first connection.
  await password?.()
  return openStore(store, {
    ...{ maxConnections, archives },
    ...(migrate !== undefined && { migrate }),
    ...(password !== undefined && { password }),
  })
}

/** Names under which a secret could stand, should one ever get into a line of the log. */
const REDACTED = ['authorization', 'token', 'pin', 'passphrase', 'password'].flatMap((name) => [
  name,
  `*.${name}`,
  `req.headers.${name}`,
])

/** The configured issuer; by default the address where the service listens, if that is this machine. */
export function issuerOf({ issuer, serve: { host, port, tls } }: Config): string {
  if (issuer !== undefined) return issuer
  if (isLoopback(host) && port !== 0) return listeningOrigin({ host, port, tls })
  throw new CountersignError('ERR_CONFIG_INVALID', 'the service has no issuer', {
    hint: 'set issuer in countersign.yaml to the address that callers use: https://sign.example.com',
  })
}

type KeyTable = Readonly<Record<string, KeySettings>>

function openProviders(
  keys: KeyTable,
  { env, fetch }: ServerOptions,
): ReturnType<typeof createProviders> {
  const readPassphrase = async (path: string): Promise<string | undefined> => {
    const reference = passphraseOf(keys, path)
    return reference === undefined ? undefined : readSecret(reference, env)
  }
  return createProviders(
    allLoaders({
      env,
      fetch,
      now: () => new Date(),
      readPassphrase,
      readNewPassphrase: readPassphrase,
      readSecret: ({ variable }) => Promise.resolve(env[variable]),
    }),
  )
}

/** Where the passphrase of a key file is: of the key whose file it is, or whose folder it is in. */
function passphraseOf(keys: KeyTable, path: string): string | undefined {
  const uri = parseKeyUri(fileReference(path))
  const owner = Object.values(keys).find(
    ({ provider }) => completeInLocation(parseProviderReference(provider), uri) !== undefined,
  )
  return owner?.passphrase
}

interface Ingredients {
  readonly anchor: AnchorStorage | undefined
  readonly archives: Archives
  readonly issuer: string
  readonly keys: KeyTable
  readonly metrics: ServiceMetrics | undefined
  readonly options: ServerOptions
  readonly providers: Providers
  readonly store: Store
}

async function assemble(ingredients: Ingredients): Promise<AssembledService> {
  const { anchor, archives, issuer, keys, metrics, options, providers, store } = ingredients
  const { clock = MACHINE_CLOCK, config, signal } = options
  const { approvals, policies } = config.access
  return assembleService({
    settings: toServiceSettings(config, issuer),
    store,
    providers,
    keys: Object.entries(keys).map(([name, key]) => ({
      ...{ name, ...key },
      rules: serializeTokenRules(toTokenRules(key)),
    })),
    access: await readAccess(options, issuer),
    approvals,
    policies: policies === undefined ? [] : await readPolicyFolder(policies),
    log: {
      names: logNamesOf(config, issuer),
      checkpointEveryMs: config.log.checkpointEverySeconds * 1000,
      ...{ anchor, archives },
      witnesses: openWitnesses(config.log, options.fetch),
    },
    keyHistory: config.keyHistory,
    timestampsOf: (name) => keys[name]?.timestamps ?? 'embedded',
    tokenRulesOf: (name) => {
      const key = keys[name]
      // Without its rules a key signs whatever it is asked for.
      if (key === undefined) throw notConfigured(name)
      return toTokenRules(key)
    },
    remoteStamper: await remoteStampers(options),
    machine: clock,
    resetClock: options.resetClock,
    acceptStoreBehind: options.acceptStoreBehind,
    acceptRules: options.acceptKeyRules,
    randomId: randomUUID,
    randomMark: () => randomBytes(16).toString('hex'),
    random: Math.random,
    metrics,
    onAlert: alertOf(options, metrics),
    onInfo: infoOf(options),
    signal: AbortSignal.any([signal, AbortSignal.timeout(FIRST_VERSIONS_MS)]),
  })
}

/** Writes what fails in the background into the log of the process, and counts it. */
function alertOf(
  { output }: ServerOptions,
  metrics: ServiceMetrics | undefined,
): AssemblyOptions['onAlert'] {
  return (error, key) => {
    metrics?.failed(error)
    const { code, message, hint } = error
    output.write(
      `${JSON.stringify({ level: 50, time: Date.now(), code, msg: message, hint, key })}\n`,
    )
  }
}

function toServiceSettings(config: Config, issuer: string): AssemblyOptions['settings'] {
  const { serve } = config
  const { anonymousTimestamps, maxBodyBytes, maxConcurrent, maxQueue, requestsPerMinute } = serve
  const { audit: auditOrigin, transparency: logOrigin } = logNamesOf(config, issuer)
  return {
    issuer,
    isLogPublic: config.log.isPublic,
    logOrigin,
    auditOrigin,
    maxBodyBytes,
    maxConcurrent,
    maxQueue,
    requestsPerMinute,
    requestTimeoutMs: serve.requestTimeoutSeconds * 1000,
    bodyTimeoutMs: Math.min(serve.bodyTimeoutSeconds, serve.requestTimeoutSeconds) * 1000,
    anonymousTimestamps,
    failuresPerMinute: FAILURES_PER_MINUTE,
    idempotencySeconds: IDEMPOTENCY_SECONDS,
    ready: serve.ready,
  }
}
