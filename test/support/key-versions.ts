/**
 * Keys and versions in every state, made by the real transitions over a handful of real key pairs, which
 * take long to make and are shared.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import type { Key, KeyUse, KeyVersion, RotationPolicy } from '../../src/keys/key.ts'
import type { KeyMoment } from '../../src/keys/lifecycle.ts'
import { createRotationPolicy } from '../../src/keys/policy.ts'
import { create, publish } from '../../src/keys/transitions.ts'
import { type VersionChange, versionsOf } from '../../src/keys/version-change.ts'
import { testSigner } from './signers.ts'

/** The n-th public key of a pool, ES256. */
export function poolKey(n: number): PublicKeyInfo {
  return testSigner('ES256', `pool ${n}`).key
}

/** The n-th second of a test's time. */
export function second(n: number): Date {
  return new Date(Date.UTC(2026, 0, 1) + n * 1000)
}

/** A key with small round quantities: the delay is 1000 s, the retention 4000 s. */
export function testKey(use: KeyUse = 'token', overrides: Partial<RotationPolicy> = {}): Key {
  const policy = createRotationPolicy(use, {
    verifierCacheSeconds: 900,
    replicaLagSeconds: 40,
    signerLagSeconds: 40,
    clockSkewSeconds: 60,
    maxTokenLifetimeSeconds: 3600,
    verifierLeewaySeconds: 300,
    auditWindowSeconds: 10_000,
    ...overrides,
  })
  return { name: 'sessions', use, algorithm: 'ES256', policy, provider: 'file:keys/' }
}

/** Versions with the changed ones in their place. */
function merge(
  versions: readonly KeyVersion[],
  changes: readonly VersionChange[],
): readonly KeyVersion[] {
  const changed = versionsOf(changes)
  const numbers = new Set(changed.map(({ version }) => version))
  return [...versions.filter(({ version }) => !numbers.has(version)), ...changed].toSorted(
    (a, b) => a.version - b.version,
  )
}

/** A key whose versions change by the transitions that are done to it. */
export class KeyStory {
  readonly key: Key
  versions: readonly KeyVersion[] = []

  constructor(key: Key = testKey()) {
    this.key = key
  }

  /** The key as it is, seen at a second. */
  at(seconds: number): KeyMoment {
    return { key: this.key, versions: this.versions, now: second(seconds) }
  }

  /** Makes the next version from the pool. */
  create(seconds: number): this {
    const n = this.versions.length + 1
    return this.take([create(this.at(seconds), { publicKey: poolKey(n), uri: `file:${n}.pem` })])
  }

  /** Makes the next version and publishes it. */
  standby(seconds: number): this {
    const n = this.create(seconds).versions.length
    return this.take(publish(this.at(seconds), n))
  }

  /** Takes over what a transition answered. */
  take(changes: readonly VersionChange[]): this {
    this.versions = merge(this.versions, changes)
    return this
  }

  /** A version by its number. */
  version(number: number): KeyVersion {
    const found = this.versions.find(({ version }) => version === number)
    if (found === undefined) throw new Error(`no version ${number}`)
    return found
  }

  /** The states by number. */
  get states(): string {
    return this.versions.map(({ state }) => state).join(' ')
  }
}
