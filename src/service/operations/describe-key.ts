/** Keys and their versions as the administration shows them. */
import type { Key, KeyVersion } from '../../keys/key.ts'
import { activeVersion, standbyOf } from '../../keys/lifecycle.ts'
import { planRotation, type RotationPlan } from '../../keys/rotation-plan.ts'
import type { KeyringSnapshot } from '../../rotation/keyring.ts'

/** One version; times that are not there have not come. */
export interface VersionView extends Omit<
  KeyVersion,
  'key' | 'publicKey' | 'certificates' | 'revision'
> {
  readonly kid: string
  readonly algorithm: string
}

/** One key. */
export interface KeyView {
  readonly name: string
  readonly use: Key['use']
  readonly algorithm: string
  readonly provider: string
  readonly policy: Key['policy']
  /** Number of the version that signs; undefined: none does. */
  readonly active: number | undefined
  /** Number of the published version that is next. */
  readonly standby: number | undefined
  readonly rotation: RotationPlan
  readonly versions: readonly VersionView[]
}

/** Shows a key as it is. */
export function describeKey(snapshot: KeyringSnapshot, key: Key, now: Date): KeyView {
  const versions = snapshot.versions.filter((version) => version.key === key.name)
  const { name, use, algorithm, provider, policy } = key
  return {
    name,
    use,
    algorithm,
    provider,
    policy,
    active: activeVersion(versions)?.version,
    standby: standbyOf(versions)?.version,
    rotation: planRotation({ key, versions, now }),
    versions: versions.map(describeVersion),
  }
}

/** Shows a version as it is. */
export function describeVersion(version: KeyVersion): VersionView {
  return {
    version: version.version,
    kid: version.publicKey.kid,
    algorithm: version.publicKey.algorithm.name,
    state: version.state,
    uri: version.uri,
    createdAt: version.createdAt,
    origin: version.origin,
    publishedAt: version.publishedAt,
    activatedAt: version.activatedAt,
    retiredAt: version.retiredAt,
    revokedAt: version.revokedAt,
    compromisedSince: version.compromisedSince,
    destroyedAt: version.destroyedAt,
    isForced: version.isForced,
  }
}
