/**
 * A folder with everything that replicas of a service share: `countersign.yaml`, policies, key files. Knows
 * nothing of vitest.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyEntry } from '../../src/config/sections/key.ts'
import type { LogSection, ServeEntry } from '../../src/config/sections/serve.ts'
import type { ConfigFile } from '../../src/config/schema.ts'

/** What differs from service to service; keys are files in the folder unless they say otherwise. */
export interface ServiceFolderOptions extends Pick<
  ConfigFile,
  'access' | 'keyHistory' | 'timestamps'
> {
  /** An existing folder. */
  readonly folder: string
  /** URL of the store, with its password if it has one; default: an SQLite file in the folder. */
  readonly store?: string
  /** What callers know the service as; default `https://sign.example.com`. */
  readonly issuer?: string
  readonly keys: Readonly<
    Record<string, Omit<KeyEntry, 'provider'> & { readonly provider?: string }>
  >
  readonly serve?: ServeEntry
  readonly log?: LogSection
  /** Cedar; default: every caller may do everything. */
  readonly policies?: string
}

/** A folder to run services from. */
export interface ServiceFolder {
  readonly folder: string
  /** Path of the configuration. */
  readonly config: string
  readonly issuer: string
  /** What the processes find in their environment. */
  readonly env: Readonly<Record<string, string>>
  /** `authorization` of the caller `tester`, who has a static token. */
  readonly authorization: string
}

/** Bounds that no test of the service's work wants to meet. */
const UNBOUNDED: ServeEntry = { rateLimit: 1_000_000, maxConcurrent: 1000, maxQueue: 10_000 }

/** Writes the folder's files. Each replica listens on a free port of loopback. */
export function writeServiceFolder(options: ServiceFolderOptions): ServiceFolder {
  const {
    folder,
    issuer = 'https://sign.example.com',
    store = `sqlite:${folder}/service.db`,
  } = options
  const policies = join(folder, 'policies')
  mkdirSync(policies)
  const { policies: cedar = 'permit (principal, action, resource);\n' } = options
  writeFileSync(join(policies, 'test.cedar'), cedar)
  const token = randomBytes(32).toString('hex')
  const staticTokens = [{ name: 'tester', token: 'env:COUNTERSIGN_TEST_TOKEN' }]
  const database = withoutPassword(store)
  const written: ConfigFile = {
    issuer,
    ...database.settings,
    keys: keysIn(folder, options.keys),
    access: { policies, staticTokens, ...options.access },
    serve: { listen: '127.0.0.1:0', ...UNBOUNDED, ...options.serve },
    ...(options.log !== undefined && { log: options.log }),
    ...(options.keyHistory !== undefined && { keyHistory: options.keyHistory }),
    ...(options.timestamps !== undefined && { timestamps: options.timestamps }),
  }
  const config = join(folder, 'countersign.yaml')
  // YAML takes JSON as it is.
  writeFileSync(config, JSON.stringify(written, undefined, 2))
  const env = { ...database.env, COUNTERSIGN_TEST_TOKEN: token }
  return { folder, config, issuer, env, authorization: `Bearer ${token}` }
}

/** The keys, and one for each of the service's own uses: replicas share a store, so they need them configured. */
function keysIn(folder: string, keys: ServiceFolderOptions['keys']): Record<string, KeyEntry> {
  const own: ServiceFolderOptions['keys'] = {
    log: { use: 'log', algorithm: 'EdDSA' },
    audit: { use: 'audit', algorithm: 'EdDSA' },
    trust: { use: 'trust' },
    timestamp: { use: 'timestamp' },
  }
  const provider = `file:${join(folder, 'keys')}/`
  return Object.fromEntries(
    Object.entries({ ...own, ...keys }).map(([name, key]) => [name, { provider, ...key }]),
  )
}

/** The configuration takes no password; it says where one is. */
function withoutPassword(store: string): {
  readonly settings: Pick<ConfigFile, 'store' | 'storePassword'>
  readonly env: Readonly<Record<string, string>>
} {
  if (!store.startsWith('postgres')) return { settings: { store }, env: {} }
  const url = new URL(store)
  const { password } = url
  url.password = ''
  return {
    settings: { store: url.href, storePassword: 'env:COUNTERSIGN_TEST_STORE_PASSWORD' },
    env: { COUNTERSIGN_TEST_STORE_PASSWORD: decodeURIComponent(password) },
  }
}
