/**
 * A service as it is run at scale: three replicas, each a process of its own, over one PostgreSQL, with a
 * caching proxy before them.
 *
 * @packageDocumentation
 */
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parsePublicKeySpki } from '../../src/crypto/public-key.ts'
import type { LogIdentity } from '../../src/formats/checkpoint.ts'
import { logVerifierKey } from '../../src/formats/note-key.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import { openLogServer } from '../../src/log/http-source.ts'
import { missingPackages, TEST_PROGRAMS } from '../../tools/test/packages.ts'
import { auditSource } from '../support/audit-log.ts'
import { verifyBothLogs } from '../support/both-logs.ts'
import { type CachingProxy, startCachingProxy } from '../support/caching-proxy.ts'
import { createPostgres, type PostgresServer } from '../support/postgres.ts'
import {
  type ServiceFolder,
  type ServiceFolderOptions,
  writeServiceFolder,
} from '../support/service-folder.ts'
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** Programs that a cluster needs. */
const NEEDED = TEST_PROGRAMS.filter(({ name }) => /^(?:postgresql|nginx)/.test(name))

/** Why a cluster can't be had on this machine; undefined where it can. */
export function whyNoCluster(): string | undefined {
  const missing = missingPackages(NEEDED, process.env['PATH'] ?? '')
  if (missing.length === 0) return undefined
  return `needs packages that are not installed: ${missing.map(({ name }) => name).join(' ')}`
}

/** For all first versions of all keys, on a busy machine. */
const START_MS = 110_000

/** For the checkpoint of what was appended last, on a busy machine. */
const SETTLE_MS = 60_000

/** Path of the JWKS. */
export const JWKS_PATH = '/.well-known/jwks.json'

/** An answer of the service, read whole. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** A running cluster. */
export class Cluster implements AsyncDisposable {
  readonly folder: ServiceFolder
  readonly replicas: readonly ServiceProcess[]
  readonly proxy: CachingProxy
  readonly #postgres: PostgresServer

  private constructor(
    folder: ServiceFolder,
    replicas: readonly ServiceProcess[],
    proxy: CachingProxy,
    postgres: PostgresServer,
  ) {
    this.folder = folder
    this.replicas = replicas
    this.proxy = proxy
    this.#postgres = postgres
  }

  /** Starts everything; the replicas all at once, as an orchestrator does. */
  static async start(options: Omit<ServiceFolderOptions, 'folder' | 'store'>): Promise<Cluster> {
    await using started = new AsyncDisposableStack()
    const postgres = await createPostgres()
    started.defer(() => postgres.stop())
    const store = await postgres.createDatabase()
    const folder = writeServiceFolder({ folder: createTempFolder(), store, ...options })
    const starts = Array.from({ length: 3 }, async () =>
      started.use(await startServiceProcess(folder, { deadlineMs: START_MS })),
    )
    const settled = await Promise.allSettled(starts)
    const replicas = settled.map((one) => {
      if (one.status === 'fulfilled') return one.value
      throw one.reason
    })
    const proxy = await startCachingProxy(replicas.map(({ url }) => url))
    started.move()
    return new Cluster(folder, replicas, proxy, postgres)
  }

  /** Asks a replica for something, as the configured caller. */
  async post(replica: ServiceProcess, path: string, body: object): Promise<Answer> {
    const response = await fetch(`${replica.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: this.folder.authorization,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }

  /** The versions of a key, as a replica shows them. */
  async versions(name: string): Promise<readonly VersionView[]> {
    const [replica] = this.replicas
    const response = await fetch(`${replica?.url ?? ''}/v1/keys/${name}`, {
      headers: { authorization: this.folder.authorization },
    })
    const { versions } = (await response.json()) as { versions: VersionView[] }
    return versions
  }

  /**
   * Verifies both logs over HTTP, with the keys that lie in the folder, until entries name every leaf; answers the
   * entries of the audit log.
   */
  async readAuditLog(): Promise<readonly LogEntry[]> {
    const deadline = AbortSignal.timeout(SETTLE_MS)
    for (;;) {
      const { entries, isComplete } = await this.#readLogs()
      if (isComplete) return entries
      // The checkpoint of the audit log comes within a second of the other.
      await delay(200, undefined, { signal: deadline })
    }
  }

  async #readLogs(): Promise<{ entries: readonly LogEntry[]; isComplete: boolean }> {
    const [replica] = this.replicas
    const url = replica?.url ?? ''
    const { authorization } = this.folder
    const entries: LogEntry[] = []
    const { paired, transparency } = await verifyBothLogs(
      {
        source: auditSource({ url, authorization }),
        log: await this.#identify('audit', 'sign.example.com/audit'),
      },
      {
        source: openLogServer(url, { fetch }),
        log: await this.#identify('log', 'sign.example.com'),
      },
      (_index, entry) => entries.push(entry),
    )
    return { entries, isComplete: paired.named >= transparency.checkpoint.size }
  }

  async #identify(key: string, origin: string): Promise<LogIdentity> {
    const keys = (await this.versions(key)).map(({ uri }) => {
      const pem = readFileSync(uri.replace(/^file:/, ''))
      const spki = createPublicKey(pem).export({ type: 'spki', format: 'der' })
      return logVerifierKey(origin, parsePublicKeySpki(spki, 'EdDSA'))
    })
    return { keys, origin }
  }

  /** Replicas as an operator stops them, everything else at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.kill()))
    await this.proxy.stop()
    await this.#postgres.stop()
  }
}

/** Of a version, what the tests look at. */
export interface VersionView {
  readonly version: number
  readonly kid: string
  readonly state: string
  readonly uri: string
  readonly publishedAt?: string
}
