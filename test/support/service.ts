/** The service as tests meet it: the real app, called through `inject`, without a socket. */
import { join } from 'node:path'
import { fastify, type FastifyInstance, type RouteOptions } from 'fastify'
import { onTestFinished } from 'vitest'
import type { Caller } from '../../src/access/caller.ts'
import { createAuthorizer } from '../../src/access/authorize.ts'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { CountersignError } from '../../src/errors.ts'
import type { Key, KeyUse, KeyVersion } from '../../src/keys/key.ts'
import type { LogEntry, PublicEntry } from '../../src/log/entry.ts'
import { proveStoredLeaf } from '../../src/log/leaf-proof.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { createAppender } from '../../src/log/group-appender.ts'
import type { Keyring } from '../../src/rotation/keyring.ts'
import { createApp } from '../../src/service/app.ts'
import { createApprovals } from '../../src/service/authorization/approval.ts'
import { createAuthorization } from '../../src/service/authorization/authorization.ts'
import type { ServiceContext, ServiceSettings } from '../../src/service/context.ts'
import type { FailureLimits } from '../../src/service/http/failure-budget.ts'
import { FailureLog } from '../../src/service/http/failures.ts'
import { createHttpServer, type HttpServerOptions } from '../../src/service/http/server.ts'
import { createEmbeddedAuthority, embeddedStamper } from '../../src/service/composition/stamper.ts'
import { FREE_CLAIMS } from '../../src/signing/claim-rules.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Store } from '../../src/store/store.ts'
import { createStampClock } from '../../src/timestamp/stamp-clock.ts'
import { GITHUB_CLAIMS, GITHUB_ISSUER } from './identity-claims.ts'
import { serviceKey, serviceVersion } from './service-keys.ts'
import { testSigner } from './signers.ts'
import { SteadyClock } from './steady-clock.ts'
import { testTreeSigner } from './signed-log.ts'
import { createTempFolder } from './temp-folder.ts'
import { testChain } from './time-stamps.ts'

/** The clock of a service under test. */
export const NOW: Date = new Date('2026-11-22T10:00:00Z')

/** The caller of {@link CREDENTIALS}. */
export const CALLER: Caller = {
  kind: 'static',
  issuer: 'static',
  subject: 'tester',
  claims: { sub: 'tester' },
}

/** Headers of an authenticated request. */
export const CREDENTIALS = { authorization: 'Bearer let-me-in' } as const

/** Headers of a request by a GitHub Actions workflow. */
export const WORKFLOW_CREDENTIALS = { authorization: 'Bearer workflow' } as const

const WORKFLOW: Caller = {
  kind: 'oidc',
  issuer: GITHUB_ISSUER,
  subject: 'repo:acme/widget:ref:refs/heads/main',
  claims: { iss: GITHUB_ISSUER, ...GITHUB_CLAIMS },
}

/** Small bounds that a test can meet. */
export const SETTINGS: ServiceSettings = {
  issuer: 'https://sign.example.com',
  earlierLogNames: [],
  logOrigin: 'sign.example.com',
  isLogPublic: true,
  auditOrigin: 'sign.example.com/audit',
  maxBodyBytes: 64 * 1024,
  requestTimeoutMs: 30_000,
  bodyTimeoutMs: 30_000,
  maxConcurrent: 8,
  maxQueue: 8,
  requestsPerMinute: 1000,
  failuresPerMinute: 1000,
  anonymousTimestamps: 1000,
  idempotencySeconds: 3600,
  ready: 'any',
}

/** Stands where a test shall not go: whatever is read of it fails. */
function unreached(name: string): never {
  return new Proxy({} as never, {
    get: () => {
      throw new Error(`this test has no ${name}`)
    },
  })
}

function authenticate(authorization: string | undefined): Promise<Caller> {
  if (authorization === CREDENTIALS.authorization) return Promise.resolve(CALLER)
  if (authorization === WORKFLOW_CREDENTIALS.authorization) return Promise.resolve(WORKFLOW)
  return Promise.reject(new CountersignError('ERR_NOT_AUTHENTICATED', 'there is no token'))
}

/** Makes a context of a test's own parts. */
function serviceContext(parts: Partial<ServiceContext> = {}): ServiceContext {
  let ids = 0
  return {
    settings: SETTINGS,
    store: unreached('store'),
    keyring: testKeyring([]),
    appender: unreached('appender'),
    proveLeaf: () => Promise.reject(new Error('this test has no transparency log')),
    publications: unreached('publications'),
    now: () => NOW,
    clock: new SteadyClock(() => NOW),
    randomId: () => `id-${(ids += 1)}`,
    authenticate,
    admit: () => undefined,
    mayBePermitted: () => true,
    mayReadKey: () => true,
    authorize: () =>
      Promise.reject(new CountersignError('ERR_NOT_ALLOWED', 'no policy permits it')),
    approvals: unreached('approvals'),
    rotation: unreached('rotation'),
    failures: unreached('failure log'),
    stamperOf: () => undefined,
    tokenRulesOf: () => ({ claims: FREE_CLAIMS }),
    timestampAuthority: unreached('time-stamp authority'),
    readiness: () => [],
    ...parts,
  }
}

/** Makes the app on such a context; close it with `await using`. */
export function createService(
  parts: Partial<ServiceContext> = {},
  options: HttpServerOptions = {},
): Promise<FastifyInstance> {
  return createHttpServer(serviceContext(parts), options)
}

/** Every route there is, also those that the description of the API does not show. */
export async function serviceRoutes(): Promise<readonly RouteOptions[]> {
  const routes: RouteOptions[] = []
  await using app = fastify()
  app.addHook('onRoute', (route) => {
    routes.push(route)
  })
  await app.register(createApp(serviceContext()))
  return routes
}

/** A key of a service under test. */
export interface TestKey {
  readonly name: string
  readonly use: KeyUse
  readonly algorithm?: AlgorithmName
  readonly signer?: Signer
  /** How its one version differs from an active one. */
  readonly version?: Partial<KeyVersion>
}

/** What a service under test is made of, where it is not the usual. */
export interface TestServiceOptions {
  readonly keys?: readonly TestKey[]
  /** Cedar policies. */
  readonly policies?: string
  readonly parts?: Partial<ServiceContext>
  /** Denials that the log writes one by one. */
  readonly denials?: FailureLimits
}

/** A whole service over an SQLite file, with a log, policies and keys in memory. */
export interface TestService {
  readonly app: FastifyInstance
  readonly store: Store
  /** All entries of the log. */
  readonly log: () => Promise<readonly LogEntry[]>
  /** Another app over the same store. */
  readonly replica: () => Promise<FastifyInstance>
}

/** What the usual keys are: one for files and images, one to stamp times, one of the audit log. */
const KEYS: readonly TestKey[] = [
  { name: 'release', use: 'artifact' },
  { name: 'tsa', use: 'timestamp', signer: testSigner('ES256', 'tsa') },
  { name: 'audit', use: 'audit', algorithm: 'EdDSA' },
]

const PERMIT_ALL = 'permit (principal, action, resource);'

/** Starts it; it stops when the running test ends. */
export async function startService(options: TestServiceOptions = {}): Promise<TestService> {
  const { denials, keys = KEYS, policies = PERMIT_ALL, parts = {} } = options
  const own = await openStore(`sqlite:${join(createTempFolder(), 'service.db')}`)
  const { store = own } = parts
  const now = (): Date => NOW
  const admitAll = (_records: unknown, entries: readonly unknown[]): Promise<undefined[]> =>
    Promise.resolve(entries.map(() => undefined))
  const signer = testTreeSigner(SETTINGS.logOrigin)
  const appender = createAppender({
    ...{ store, admit: admitAll, now, signer },
    keepAnswers: ({ answers }, given) => answers.putAnswers(given, now()),
  })
  const keyring = testKeyring(keys)
  const authorizer = await createAuthorizer([{ file: 'test.cedar', text: policies }])
  const failures = new FailureLog({
    appender,
    now,
    mayBePermitted: authorizer.mayBePermitted,
    ...(denials !== undefined && { limits: denials }),
  })
  const timestampAuthority = createEmbeddedAuthority(keyring, createStampClock(now))
  const approvals = createApprovals({
    store,
    settings: { required: 1, actions: [], lifetimeSeconds: 3600 },
    now,
    clock: new SteadyClock(now),
    randomId: () => 'approval-0',
  })
  const context = {
    store,
    approvals,
    appender,
    proveLeaf: (entry: PublicEntry) => proveStoredLeaf(store.transparencyLog, signer, entry),
    keyring,
    failures,
    admit: authorizer.admit,
    mayBePermitted: authorizer.mayBePermitted,
    authorize: createAuthorization(authorizer, failures),
    timestampAuthority,
    stamperOf: () => embeddedStamper(timestampAuthority),
    ...parts,
  }
  const app = await createService(context)
  const replicas: FastifyInstance[] = [app]
  onTestFinished(async () => {
    await Promise.all(replicas.map((replica) => replica.close()))
    await appender[Symbol.asyncDispose]()
    await own[Symbol.asyncDispose]()
  })
  const log = async (): Promise<readonly LogEntry[]> => {
    const { size } = await store.log.head()
    return (await store.log.entries(0, size)).map(parseEntry)
  }
  const replica = async (): Promise<FastifyInstance> => {
    const another = await createService(context)
    replicas.push(another)
    return another
  }
  return { app, store, log, replica }
}

function testKeyring(keys: readonly TestKey[]): Keyring {
  const entries = keys.map(({ name, use, algorithm = 'ES256', signer, version }) => {
    const opened = signer ?? testSigner(algorithm)
    const key: Key = { ...serviceKey(name, use), algorithm }
    const certificates = use === 'timestamp' ? testChain(opened) : undefined
    return {
      key,
      signer: opened,
      version: serviceVersion(name, opened, { certificates, ...version }),
    }
  })
  return {
    snapshot: {
      sequence: 1,
      keys: entries.map(({ key }) => key),
      versions: entries.map(({ version }) => version),
    },
    activeSigner: (name, use) => {
      const found = entries.find(({ key }) => key.name === name && key.use === use)
      if (found?.version.state === 'active') return Promise.resolve(found)
      return Promise.reject(new CountersignError('ERR_KEY_NOT_USABLE', `"${name}" can't sign`))
    },
    onChange: () => () => undefined,
    refresh: () => Promise.resolve(),
  }
}
