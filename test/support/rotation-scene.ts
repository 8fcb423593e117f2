/**
 * Rotation over a real store and real backends: an SQLite file and key files in a folder of their own,
 * unless a test says otherwise; a clock that the test moves.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Key, KeyUse, KeyVersion } from '../../src/keys/key.ts'
import { createRotationPolicy } from '../../src/keys/policy.ts'
import type { LogEntry, SignatureEntry } from '../../src/log/entry.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { createFileProvider } from '../../src/providers/file/provider.ts'
import type { KeyProvider } from '../../src/providers/provider.ts'
import { createProviders, type Providers } from '../../src/providers/registry.ts'
import type { Operator, RotationContext } from '../../src/rotation/context.ts'
import { doDueSteps } from '../../src/rotation/due-steps.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Store } from '../../src/store/store.ts'
import { SteadyClock } from './steady-clock.ts'
import { createTempFolder } from './temp-folder.ts'

/** Who does things in tests. */
export const OPERATOR: Operator = {
  caller: { issuer: 'https://login.example', subject: 'alice', claims: {} },
  requestId: 'request-1',
  reason: 'because of a test',
}

/** What a scene stands on, where it is not the usual. */
export interface SceneOptions {
  /** URL of the store. */
  readonly storeUrl?: string
  readonly use?: KeyUse
  /** Provider of the key; default: a folder. */
  readonly provider?: string
  readonly load?: () => KeyProvider
}

/** One key, `release`, that is in the store and has no version yet. */
export class RotationScene {
  readonly store: Store
  readonly providers: Providers
  readonly folder: string
  readonly key: Key
  now: Date = new Date('2026-11-25T10:00:00Z')
  readonly clock: SteadyClock

  private constructor(store: Store, providers: Providers, folder: string, key: Key) {
    this.store = store
    this.providers = providers
    this.folder = folder
    this.key = key
    this.clock = new SteadyClock(() => this.now)
  }

  static async start(options: SceneOptions = {}): Promise<RotationScene> {
    const folder = createTempFolder()
    const { use = 'artifact', provider = `file:${folder}/keys/` } = options
    const url = options.storeUrl ?? `sqlite:${join(folder, 'store.db')}`
    const store = await openStore(url, { migrate: true })
    const load =
      options.load ??
      ((): KeyProvider => createFileProvider({ readPassphrase: () => Promise.resolve(undefined) }))
    const loader = (): Promise<KeyProvider> => Promise.resolve(load())
    const providers = createProviders({
      file: loader,
      awskms: loader,
      azurekms: loader,
      gcpkms: loader,
      openbao: loader,
      pkcs11: loader,
    })
    const policy = createRotationPolicy(use)
    const key: Key = { name: 'release', use, algorithm: 'ES256', policy, provider }
    await store.transaction(({ keys }) => keys.putKey(key))
    onTestFinished(async () => {
      await providers[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    })
    return new RotationScene(store, providers, folder, key)
  }

  /** The surroundings of an engine; each call is another replica. */
  context(changes: Partial<RotationContext> = {}): RotationContext {
    return {
      store: this.store,
      providers: this.providers,
      now: () => this.now,
      clock: this.clock,
      randomMark: () => randomBytes(16).toString('hex'),
      certify: ({ key, version }) => `certificates of ${key}@${version}`,
      ...changes,
    }
  }

  /** Lets time pass. */
  pass(seconds: number): void {
    this.now = new Date(this.now.getTime() + seconds * 1000)
  }

  /** Lets the standby become ripe, and the active version's period end. */
  passPeriod(): void {
    this.pass(this.key.policy.everySeconds ?? 0)
  }

  /** Brings the key to an active version and a published standby. */
  async bootstrap(): Promise<void> {
    await doDueSteps(this.context(), 'release', OPERATOR)
  }

  versions(): Promise<readonly KeyVersion[]> {
    return this.store.transaction(({ keys }) => keys.versions('release'))
  }

  async version(number: number): Promise<KeyVersion> {
    const found = (await this.versions()).find(({ version }) => version === number)
    if (found === undefined) throw new Error(`no version ${number}`)
    return found
  }

  /** The states by number; a published standby differs from a fresh version. */
  async states(): Promise<string> {
    const versions = await this.versions()
    return versions
      .map(({ state, publishedAt }) =>
        state === 'pending' && publishedAt !== undefined ? 'standby' : state,
      )
      .join(' ')
  }

  /** All entries of the log. */
  async log(): Promise<readonly LogEntry[]> {
    const { size } = await this.store.log.head()
    return (await this.store.log.entries(0, size)).map(parseEntry)
  }

  /** What was done, as the log has it: `activate 2`. */
  async actions(): Promise<readonly string[]> {
    return (await this.log()).map((entry) =>
      entry.type === 'state' ? `${entry.action} ${entry.key.version}` : entry.type,
    )
  }

  async intents(): Promise<number> {
    return (await this.store.transaction(({ keys }) => keys.intents())).length
  }

  /** Private keys in the folder. */
  keyFiles(): readonly string[] {
    const folder = join(this.folder, 'keys')
    return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.pem')) : []
  }

  /** The entry of a signature that a version makes now. */
  signature({ key: name, version, publicKey }: KeyVersion): SignatureEntry {
    return {
      type: 'signature',
      time: this.now,
      requestId: `sign-${name}-${version}`,
      caller: undefined,
      key: { name, version, kid: publicKey.kid },
      digests: [`sha256:${'0'.repeat(64)}`],
      predicateType: undefined,
      bundleSha256: '0'.repeat(64),
      timestamp: undefined,
      backendRequestId: undefined,
      answerSha256: undefined,
    }
  }
}
