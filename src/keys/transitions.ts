/**
 * The planned part of the lifecycle as pure functions: create, publish, activate, relocate, retire,
 * destroy. Each answers what changed and changes nothing itself; revocation is in `revocation.ts`.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { destroyableAt, ripeAt, signsUntil, addSeconds } from './deadlines.ts'
import type { KeyOrigin, KeyVersion } from './key.ts'
import {
  activeVersion,
  beginTransition,
  type Force,
  isForced,
  isUnused,
  type KeyMoment,
  refuse,
  tooEarly,
  UNTOUCHED,
} from './lifecycle.ts'
import { policyAt } from './policy.ts'
import { changeVersion, type VersionChange } from './version-change.ts'

/** The key pair of a version to be. */
export interface NewKeyPair {
  readonly publicKey: PublicKeyInfo
  /** Key reference that pins the private half; without secrets. */
  readonly uri: string
  /** Certificate chain of a time-stamp key, PEM, leaf first. */
  readonly certificates?: string
  /** Default `generated`. */
  readonly origin?: KeyOrigin
}

/**
 * Makes the next version of a key: `pending`, not published.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — its algorithm is not the key's; ERR_KEY_EXISTS — the
 * key had this key pair before
 */
export function create(moment: KeyMoment, pair: NewKeyPair): VersionChange {
  const { key, versions, now } = moment
  const { algorithm, kid } = pair.publicKey
  if (algorithm.name !== key.algorithm) {
    throw new CountersignError(
      'ERR_KEY_INVALID',
      `${key.name} is an ${key.algorithm} key, the new version is ${algorithm.name}`,
      { hint: 'algorithms never change: make another key for another algorithm' },
    )
  }
  if (versions.some(({ publicKey }) => publicKey.kid === kid)) {
    throw new CountersignError('ERR_KEY_EXISTS', `${key.name} already has the key pair ${kid}`, {
      hint: 'every version needs a key pair of its own',
      details: { key: key.name, kid },
    })
  }
  const { origin = 'generated' } = pair
  const after: KeyVersion = {
    key: key.name,
    version: Math.max(0, ...versions.map(({ version }) => version)) + 1,
    publicKey: pair.publicKey,
    uri: pair.uri,
    createdAt: now,
    origin,
    certificates: pair.certificates,
    ...UNTOUCHED,
  }
  return { action: origin === 'external' ? 'import' : 'create', before: undefined, after }
}

/**
 * Publishes a pending version: verifiers see it from now on, and nothing is signed with it.
 *
 * @throws {@link CountersignError} ERR_TRANSITION_REFUSED — it is published, or not pending;
 * ERR_KEY_NOT_FOUND
 */
export function publish(moment: KeyMoment, number: number): readonly VersionChange[] {
  const { version } = beginTransition(moment, number, 'publish')
  if (version.publishedAt !== undefined) {
    throw refuse(version, 'publish', 'it is published', 'nothing needs to be done')
  }
  return [changeVersion('publish', version, { publishedAt: moment.now })]
}

/**
 * Lets a published version sign, and retires the one that signed before, together. Not before every
 * supported verifier has seen it, unless forced or the key has never signed.
 *
 * @throws {@link CountersignError} ERR_TRANSITION_TOO_EARLY; ERR_TRANSITION_REFUSED — it is not published,
 * or not pending, or forced without a reason; ERR_KEY_NOT_FOUND
 */
export function activate(
  moment: KeyMoment,
  number: number,
  options: Force = {},
): readonly VersionChange[] {
  const { key, versions, now } = moment
  const { version } = beginTransition(moment, number, 'activate')
  const earliest = ripeAt(version, key)
  if (earliest === undefined) {
    throw refuse(version, 'activate', 'it was never published', 'publish it, then wait')
  }
  const forced = isForced(version, 'activate', options)
  const isEarly = now < earliest && !isUnused(versions)
  if (isEarly && !forced) {
    const hint = 'verifiers that cached the keys would refuse it: wait, or force it and say why'
    throw tooEarly(version, 'activate', earliest, hint)
  }
  return takeOver(moment, version, isEarly)
}

/** Makes a version the active one; whatever signed before is retired in the same result. */
export function takeOver(
  moment: KeyMoment,
  version: KeyVersion,
  isEarly: boolean,
): readonly VersionChange[] {
  const { versions, now } = moment
  const publishedAt = version.publishedAt ?? now
  const next = changeVersion('activate', version, {
    state: 'active',
    publishedAt,
    activatedAt: now,
    isForced: isEarly,
  })
  const previous = activeVersion(versions)
  return previous === undefined ? [next] : [retired(previous, now), next]
}

/** On a clock that is behind the one that activated, a window would end before its start. */
function retired(version: KeyVersion, now: Date): VersionChange {
  const { activatedAt = now } = version
  const retiredAt = now < activatedAt ? activatedAt : now
  return changeVersion('retire', version, { state: 'retired', retiredAt })
}

/** Where the key pair of a version was when it was read, and where it is from now on: references. */
export interface Relocation {
  readonly from: string
  readonly to: string
}

/**
 * Moves a version to another location of the same key pair, which the caller has compared and tested. Its
 * number, `kid`, state and times stay.
 *
 * @throws {@link CountersignError} ERR_TRANSITION_REFUSED — it signs no more, or is there already;
 * ERR_STATE_CONFLICT — it was moved since it was read; ERR_KEY_NOT_FOUND
 */
export function relocate(
  moment: KeyMoment,
  number: number,
  { from, to }: Relocation,
): readonly VersionChange[] {
  const { version } = beginTransition(moment, number, 'relocate')
  if (version.uri === to) {
    throw refuse(version, 'relocate', `it is at ${to} already`, 'nothing needs to be done')
  }
  if (version.uri === from) return [changeVersion('relocate', version, { uri: to })]
  const message = `${version.key}@${number} was relocated by another process`
  throw new CountersignError('ERR_STATE_CONFLICT', message, {
    hint: 'read the key again, then decide',
    details: { key: version.key, version: number },
  })
}

/**
 * Ends the signing of a key's active version and puts none in its place; `activate` is how to rotate. Of a
 * version that waits nothing ends: it never signs, and need not be forced.
 *
 * @throws {@link CountersignError} ERR_TRANSITION_REFUSED — not forced, or without a reason;
 * ERR_KEY_NOT_FOUND
 */
export function retire(
  moment: KeyMoment,
  number: number,
  options: Force = {},
): readonly VersionChange[] {
  const { version } = beginTransition(moment, number, 'retire')
  if (version.state === 'pending')
    return [changeVersion('retire', version, { state: 'retired', retiredAt: moment.now })]
  if (isForced(version, 'retire', options)) return [retired(version, moment.now)]
  const hint = 'activate another version, which retires this one; or force it and say why'
  throw refuse(version, 'retire', `${version.key} would have no version that signs`, hint)
}

/**
 * Gives up the private half of a version for ever; its public half stays.
 *
 * @param lastSignatureAt - time of its newest signature in the log; undefined: none
 * @throws {@link CountersignError} ERR_TRANSITION_TOO_EARLY — still served, or in its audit window;
 * ERR_TRANSITION_REFUSED — not retired or revoked, or it signed after it was closed; ERR_KEY_NOT_FOUND
 */
export function destroy(
  moment: KeyMoment,
  number: number,
  lastSignatureAt: Date | undefined,
): readonly VersionChange[] {
  const { key, now } = moment
  const { version, to } = beginTransition(moment, number, 'destroy')
  // A signature that was admitted just before a revocation carries the time of another clock.
  const { revokedAt = now } = version
  const closed =
    signsUntil(version, key) ?? addSeconds(revokedAt, policyAt(key, revokedAt).clockSkewSeconds)
  if (lastSignatureAt !== undefined && lastSignatureAt > closed) {
    const why = `it signed at ${lastSignatureAt.toISOString()}, after it was closed`
    throw refuse(version, 'destroy', why, {
      hint: 'find out who signs with it',
      reason: 'key-still-signing',
    })
  }
  const earliest = destroyableAt(version, key)
  if (earliest !== undefined && now < earliest) {
    throw tooEarly(version, 'destroy', earliest, 'its audit window is still open: wait')
  }
  return [changeVersion('destroy', version, { state: to, destroyedAt: now })]
}
