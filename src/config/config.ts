/**
 * The configuration as the rest of countersign gets it, in slices: read once, frozen, without a
 * secret in it — references to secrets only — so that it can be printed.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import { DEFAULTS, defaultAlgorithm } from './defaults.ts'
import type { KeyUse, RotationPolicy } from '../keys/key.ts'
import { createRotationPolicy } from '../keys/policy.ts'
import type { PublicationLifetimes } from '../keys/publication-times.ts'
import type { Origin } from './origin.ts'
import { inRegions } from '../providers/provider-reference.ts'
import { toRotationOverrides } from './rotation.ts'
import type { ConfigFile, ConfiguredReferrersMode } from './schema.ts'
import type { ClaimsEntry, KeyEntry } from './sections/key.ts'
import {
  type AccessSettings,
  type LogSettings,
  type ServeSettings,
  toAccessSettings,
  toKeyHistorySettings,
  toLogSettings,
  toServeSettings,
} from './service-settings.ts'

/** A named key. */
export interface KeySettings {
  readonly use: KeyUse
  readonly algorithm: AlgorithmName
  /** A key reference, or the account, token or folder that versions are made in. */
  readonly provider: string
  /** Where the passphrase of a file key is: `file:PATH` or `env:NAME`. */
  readonly passphrase: string | undefined
  readonly policy: RotationPolicy
  /** `typ` of its tokens; undefined: the usual one. */
  readonly tokenType: string | undefined
  readonly claims: ClaimsEntry
  /** `embedded`, `none` or an address. */
  readonly timestamps: string
}

/** What this machine trusts. */
export interface TrustSettings {
  /** Names of keys, or key references. */
  readonly keys: readonly string[]
  /** Path of a key history. */
  readonly history: string | undefined
  /** Name of a key, or a key reference. */
  readonly historyKey: string | undefined
  /** Path of a Sigstore trusted root. */
  readonly trustedRoot: string | undefined
}

/** How registries are reached. */
export interface ConfiguredRegistry {
  /** Path of certificates in PEM. */
  readonly ca: string | undefined
  /** `host[:port]` of registries without TLS. */
  readonly plainHttp: readonly string[]
  readonly referrersMode: ConfiguredReferrersMode
}

/** The whole configuration. Paths are relative to the working folder, or absolute. */
export interface Config {
  /** The file that was read. */
  readonly file: string | undefined
  readonly issuer: string | undefined
  readonly store: string
  /** Where the password of a PostgreSQL store is: `file:PATH` or `env:NAME`. */
  readonly storePassword: string | undefined
  /** Most connections of one replica to PostgreSQL, beside two for notifications and locks. */
  readonly storeConnections: number
  readonly keys: Readonly<Record<string, KeySettings>>
  readonly access: AccessSettings
  readonly serve: ServeSettings
  readonly log: LogSettings
  readonly keyHistory: PublicationLifetimes
  readonly trust: TrustSettings
  readonly registry: ConfiguredRegistry
  /** Places of the settings that were set, by their path; see {@link originOf}. */
  readonly origins: Readonly<Record<string, Origin>>
}

/** Where a setting came from, by its path (`keys.release.provider`). */
export function originOf(config: Config, path: string): Origin {
  const origin = Object.hasOwn(config.origins, path) ? config.origins[path] : undefined
  return origin ?? { kind: 'default' }
}

/** Makes the configuration of what a checked file says, with every default; deep-frozen. */
export function toConfig(
  said: ConfigFile,
  from: Pick<Config, 'file' | 'origins'> = { file: undefined, origins: {} },
): Config {
  const keys = Object.entries(said.keys ?? {})
  const { timestamps = DEFAULTS.timestamps } = said
  return deepFreeze({
    ...from,
    issuer: said.issuer,
    store: said.store ?? DEFAULTS.store,
    storePassword: said.storePassword,
    storeConnections: said.storeConnections ?? DEFAULTS.storeConnections,
    keys: Object.fromEntries(keys.map(([name, key]) => [name, toKeySettings(key, timestamps)])),
    access: toAccessSettings(said.access),
    serve: toServeSettings(said.serve),
    log: toLogSettings(said.log),
    keyHistory: toKeyHistorySettings(said.keyHistory),
    trust: {
      keys: [],
      history: undefined,
      historyKey: undefined,
      trustedRoot: undefined,
      ...said.trust,
    },
    registry: {
      ca: undefined,
      plainHttp: [],
      referrersMode: DEFAULTS.referrersMode,
      ...said.registry,
    },
  })
}

function toKeySettings(key: KeyEntry, timestamps: string): KeySettings {
  const { use, algorithm = defaultAlgorithm(key.use) } = key
  const { passphrase, tokenType, claims = {} } = key
  return {
    use,
    algorithm,
    provider: key.regions === undefined ? key.provider : inRegions(key.provider, key.regions),
    passphrase,
    policy: createRotationPolicy(use, toRotationOverrides(key)),
    tokenType,
    claims,
    timestamps: key.timestamps ?? timestamps,
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value) as readonly unknown[]) {
    if (typeof member === 'object' && member !== null) deepFreeze(member)
  }
  return Object.freeze(value)
}
