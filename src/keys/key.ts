/**
 * A key and its versions, as plain values: a key is a named signing purpose, a version is one key pair
 * in it. Rules: docs/design/rotation.md.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import type { KeyState } from './state.ts'

/**
 * What a key may be used for; never more than one. `artifact` signs bytes that the service built itself:
 * in-toto statements, and payloads of the older cosign layout. `digest` signs digests that a caller made,
 * and nothing else. `log` signs the transparency log, `audit` the audit log.
 */
export const KEY_USES = [
  'artifact',
  'digest',
  'token',
  'timestamp',
  'log',
  'audit',
  'trust',
] as const

/** One of {@link KEY_USES}. */
export type KeyUse = (typeof KEY_USES)[number]

/** Whether a text names a use. */
export function isKeyUse(text: string): text is KeyUse {
  return KEY_USES.some((use) => use === text)
}

/** Where a key pair comes from; an `external` one was imported and may have signed elsewhere. */
export type KeyOrigin = 'generated' | 'external'

/** The quantities of rotation, for one key; docs/design/rotation.md names them by one letter each. */
export interface RotationPolicy {
  /** M: `max-age` served with the JWKS, plus any `stale-*` directive. */
  readonly maxAgeSeconds: number
  /** V: longest time a supported verifier keeps a JWKS, whatever the headers say. */
  readonly verifierCacheSeconds: number
  /** R: lag until every replica serves a new state. */
  readonly replicaLagSeconds: number
  /** L: lag until the last signer has switched; clocks of replicas differ by no more either. */
  readonly signerLagSeconds: number
  /** S: clock skew. */
  readonly clockSkewSeconds: number
  /** T: longest lifetime of a token this key may sign. */
  readonly maxTokenLifetimeSeconds: number
  /** W: tolerance verifiers add to `exp`. */
  readonly verifierLeewaySeconds: number
  /** Rotation period; undefined: versions follow each other only on request. */
  readonly everySeconds: number | undefined
  /** How long a version that signs no more is kept in its backend before it may be destroyed. */
  readonly auditWindowSeconds: number
}

/** Quantities that a key had before, and that still count for what began while they might. */
export interface FormerPolicy {
  readonly policy: RotationPolicy
  /** They count for whatever was published or retired before this time. */
  readonly countsUntil: Date
}

/** A named signing purpose. Name, use and algorithm never change. */
export interface Key {
  readonly name: string
  readonly use: KeyUse
  readonly algorithm: AlgorithmName
  readonly policy: RotationPolicy
  /** Policies it had before; left out: none. */
  readonly formerPolicies?: readonly FormerPolicy[]
  /** What its tokens may say, as JSON of one form; left out: nothing was recorded. */
  readonly rules?: string
  /** Number of the version that is to sign as soon as it may, since a rotation was asked for before; left out: none. */
  readonly rotateTo?: number
  /** Where versions are made: the account, token or folder, or one key that is all there is. */
  readonly provider: string
}

/** Where a version is in its life. Times are those of transitions that were made; one not made has none. */
export interface VersionState {
  readonly state: KeyState
  readonly publishedAt: Date | undefined
  readonly activatedAt: Date | undefined
  readonly retiredAt: Date | undefined
  readonly revokedAt: Date | undefined
  readonly compromisedSince: Date | undefined
  readonly destroyedAt: Date | undefined
}

/** One key pair of a key. Key pair, algorithm and `kid` never change; a `kid` is never used twice. */
export interface KeyVersion extends VersionState {
  /** Name of the key. */
  readonly key: string
  /** 1 for the first, then one more each. */
  readonly version: number
  readonly publicKey: PublicKeyInfo
  /** Key reference that pins the private half in its backend; without secrets. */
  readonly uri: string
  readonly createdAt: Date
  readonly origin: KeyOrigin
  /**
   * Whether it was activated before verifiers had surely seen it: by an operator who gave a reason, or in
   * place of a revoked version. The first version of a key is not, it replaces nothing.
   */
  readonly isForced: boolean
  /** Certificate chain of a time-stamp key, PEM, leaf first. */
  readonly certificates: string | undefined
  /** Grows by one with every change of this version: what compare-and-swap compares. */
  readonly revision: number
}
