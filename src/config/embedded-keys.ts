/**
 * The keys a service needs for itself: to stamp times, to sign its logs, to sign what it publishes. A
 * service with a database of its own makes them in a folder beside it, unless others are configured.
 *
 * @packageDocumentation
 */
import { dirname, join } from 'node:path'
import type { AlgorithmName } from '../crypto/algorithms.ts'
import { CountersignError } from '../errors.ts'
import type { KeyUse } from '../keys/key.ts'
import { createRotationPolicy } from '../keys/policy.ts'
import { fileReference } from '../providers/file/uri.ts'
import type { Config, KeySettings } from './config.ts'

const ALGORITHMS: Readonly<Partial<Record<KeyUse, AlgorithmName>>> = {
  timestamp: 'ES256',
  // What signed notes are signed with, so that any reader of such logs can check ours.
  log: 'EdDSA',
  audit: 'EdDSA',
  trust: 'ES256',
}

/**
 * All keys of the service: those that are configured, and one for each of its own uses that is
 * not configured, named like the use.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — one must be configured, because replicas share the
 * store and not a folder, or because its name is taken
 */
export function withEmbeddedKeys(config: Config): Readonly<Record<string, KeySettings>> {
  const { keys } = config
  const configured = new Set(Object.values(keys).map(({ use }) => use))
  const missing = Object.entries(ALGORITHMS).filter(([use]) => !configured.has(use as KeyUse))
  const added = missing.map(([use, algorithm]): [string, KeySettings] => [
    use,
    embeddedKey(config, use as KeyUse, algorithm),
  ])
  return { ...keys, ...Object.fromEntries(added) }
}

function embeddedKey(config: Config, use: KeyUse, algorithm: AlgorithmName): KeySettings {
  if (Object.hasOwn(config.keys, use)) throw missingKey(use, `the name "${use}" is taken`)
  return {
    use,
    algorithm,
    provider: fileReference(embeddedFolder(config.store, use)),
    passphrase: undefined,
    policy: createRotationPolicy(use),
    tokenType: undefined,
    claims: {},
    timestamps: 'none',
  }
}

/** The folder beside an SQLite database. */
function embeddedFolder(store: string, use: KeyUse): string {
  const path = store.startsWith('sqlite:') ? store.slice('sqlite:'.length) : ':memory:'
  if (path !== ':memory:') return `${join(dirname(path), 'keys')}/`
  throw missingKey(use, 'this store has no folder to make one in')
}

function missingKey(use: KeyUse, why: string): CountersignError {
  return new CountersignError('ERR_CONFIG_INVALID', `no key has the use ${use}, and ${why}`, {
    hint: `add one to keys: NAME: { use: ${use}, algorithm: ${ALGORITHMS[use] ?? 'ES256'}, provider: … }`,
  })
}
