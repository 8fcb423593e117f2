/** Warnings at the start of the service about how it is configured. */
import type { Key, KeyUse, KeyVersion } from '../../keys/key.ts'
import { findProvider } from '../../providers/key-uri.ts'
import { isLoopback } from '../http/listening.ts'

/** The settings that may be unsafe, or useless. */
export interface WarningSources {
  /** Address of the store. */
  readonly store: string
  readonly host: string
  readonly tls: object | undefined
  readonly issuers: readonly object[]
  readonly staticTokens: readonly object[]
  readonly policies: string | undefined
  readonly trustedRoot: string | undefined
  readonly keys: Readonly<
    Record<
      string,
      {
        readonly use: KeyUse
        readonly provider: string
        readonly passphrase: string | undefined
        readonly timestamps: string
      }
    >
  >
}

/** Says it in whole sentences, the worst first. */
export function warningsOf(sources: WarningSources): readonly string[] {
  const { host, issuers, policies, staticTokens, store, tls } = sources
  const { keys, trustedRoot } = sources
  const inFiles = fileKeys(sources)
  const bare = bareKeys(sources)
  const distant = distantLogKeys(sources)
  const remote = [...new Set(Object.values(keys).map(({ timestamps }) => timestamps))].filter(
    isRemote,
  )
  const warnings: readonly (readonly [boolean, string])[] = [
    [
      staticTokens.length > 0,
      'static tokens are accepted (access.staticTokens): they never expire, so use them for development only',
    ],
    [
      tls === undefined && !isLoopback(host),
      'plain http on an address that others reach: tokens can be read on the way; set serve.tls, or let a proxy do it',
    ],
    [
      bare.length > 0,
      `keys in files without a passphrase: ${bare.join(', ')}; read access to the files is enough to sign`,
    ],
    [
      trustedRoot === undefined && remote.length > 0,
      `time stamps of ${remote.join(', ')} are not held against a trusted authority before they are released; set trust.trustedRoot to its certificates`,
    ],
    [
      inFiles.length > 0 && store.startsWith('postgres'),
      `keys in files with a PostgreSQL store: ${inFiles.join(', ')}; a version that one replica makes signs on another only if both have the same folder (a shared volume): use a KMS or an HSM for several replicas`,
    ],
    [
      distant.length > 0,
      `the key of the transparency log is in a KMS: ${distant.join(', ')}; every group of signatures waits for it to sign a checkpoint, 5 s at most, and is not released where it does not answer`,
    ],
    [policies === undefined, 'no policies (access.policies): every request is denied'],
    [
      issuers.length + staticTokens.length === 0,
      'no issuer (access.issuers): every caller is refused',
    ],
  ]
  return warnings.flatMap(([applies, text]) => (applies ? [text] : []))
}

/** Whether time stamps come from an authority elsewhere. */
export function isRemote(timestamps: string): boolean {
  return /^https?:/.test(timestamps)
}

function bareKeys(sources: WarningSources): readonly string[] {
  return fileKeys(sources).filter((name) => sources.keys[name]?.passphrase === undefined)
}

function fileKeys({ keys }: WarningSources): readonly string[] {
  const names = Object.entries(keys).filter(
    ([, { provider }]) => findProvider(provider)?.custody === 'file',
  )
  return names.map(([name]) => name)
}

/** An HSM is as near as the service's own disk, a KMS is a request away. */
function distantLogKeys({ keys }: WarningSources): readonly string[] {
  const names = Object.entries(keys).filter(
    ([, { provider, use }]) => use === 'log' && findProvider(provider)?.isRemote === true,
  )
  return names.map(([name]) => name)
}

/** The keys of the configuration, and those of the store before and after the start. */
export interface KeyChanges {
  readonly configured: readonly string[]
  readonly known: readonly Key[]
  readonly versions: readonly KeyVersion[]
}

/** Names the keys that left the configuration, and beside them those that are new: one may be the other, renamed. */
export function changedKeys({ configured, known, versions }: KeyChanges): readonly string[] {
  const active = versions.filter(({ state }) => state === 'active').map(({ key }) => key)
  const left = active.filter((name) => !configured.includes(name))
  if (left.length === 0) return []
  const begun = configured.filter((name) => !known.some((key) => key.name === name))
  return [
    `${left.join(', ')}: no longer in countersign.yaml, so nothing is signed with it; what it signed still verifies`,
    ...(begun.length > 0
      ? [
          `${begun.join(', ')}: new, with key pairs of its own; a key that was renamed is another key`,
        ]
      : []),
  ]
}
