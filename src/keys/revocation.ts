/**
 * Revocation: stops a version for good, says since when nothing it signed counts, and puts another in its
 * place at once. An emergency, so no wait applies.
 *
 * @packageDocumentation
 */
import { isServed, ripeAt } from './deadlines.ts'
import type { KeyVersion } from './key.ts'
import {
  activeVersion,
  beginTransition,
  type Force,
  isForced,
  type KeyMoment,
  refuse,
  standbyOf,
} from './lifecycle.ts'
import { takeOver } from './transitions.ts'
import { changeVersion, type VersionChange } from './version-change.ts'

/**
 * What follows a revoked version: `seamless`, the standby that verifiers hold, so no token fails; or
 * `flush`, a version no verifier has seen, so that caches that only refetch on an unknown `kid` drop the
 * revoked one.
 */
export type RevocationMode = 'seamless' | 'flush'

/** How to revoke. */
export interface RevocationOptions extends Force {
  readonly mode: RevocationMode
  /** From when on nothing it signed counts; left out: now. */
  readonly compromisedSince?: Date | undefined
}

/**
 * Revokes a version. An active one is followed by another in the same result; `flush` brings in a fresh
 * version whichever is revoked. A version that is revoked or destroyed only gets an earlier
 * `compromisedSince`.
 *
 * @throws {@link CountersignError} ERR_TRANSITION_REFUSED — nothing could follow it, or nothing would be
 * served, and it is not forced; `compromisedSince` lies in the future or moves forward; forced without a
 * reason. ERR_KEY_NOT_FOUND
 */
export function revoke(
  moment: KeyMoment,
  number: number,
  options: RevocationOptions,
): readonly VersionChange[] {
  const { now } = moment
  const { version, to } = beginTransition(moment, number, 'revoke')
  const forced = isForced(version, 'revoke', options)
  const compromisedSince = options.compromisedSince ?? now
  assertCompromise(version, compromisedSince, now)
  if (version.compromisedSince !== undefined)
    return [changeVersion('revoke', version, { compromisedSince })]
  const revoked = changeVersion('revoke', version, {
    state: to,
    revokedAt: now,
    compromisedSince,
  })
  if (to === 'destroyed') return [revoked]

  const others = moment.versions.filter((other) => other !== version)
  const followed = follow({ ...moment, versions: others }, version, options.mode)
  if (followed !== undefined) return [revoked, ...followed]
  if (!forced) assertNothingLost({ ...moment, versions: others }, version, options.mode)
  return [revoked]
}

function assertCompromise(version: KeyVersion, since: Date, now: Date): void {
  if (since > now) {
    const why = `compromisedSince ${since.toISOString()} lies in the future`
    throw refuse(version, 'revoke', why, 'give the earliest time at which it may have been stolen')
  }
  const known = version.compromisedSince
  if (known === undefined || since < known) return
  // Moved forward, signatures of a thief would count again.
  const why = `it is compromised since ${known.toISOString()}, and that only moves back in time`
  throw refuse(version, 'revoke', why, 'give an earlier compromisedSince')
}

/** What takes over; undefined where nothing needs to, or nothing is there. */
function follow(
  moment: KeyMoment,
  revoked: KeyVersion,
  mode: RevocationMode,
): readonly VersionChange[] | undefined {
  const fresh = freshOf(moment.versions)
  if (mode === 'flush') return fresh && takeOver(moment, fresh, true)
  const standby = revoked.state === 'active' ? standbyOf(moment.versions) : undefined
  if (standby === undefined) return undefined
  const ripe = ripeAt(standby, moment.key)
  return takeOver(moment, standby, ripe === undefined || moment.now < ripe)
}

/** The version no verifier has seen, the newest if there are several: what `flush` activates. */
export function freshOf(versions: readonly KeyVersion[]): KeyVersion | undefined {
  return versions
    .filter(({ state, publishedAt }) => state === 'pending' && publishedAt === undefined)
    .toSorted((a, b) => b.version - a.version)[0]
}

/** @throws CountersignError ERR_TRANSITION_REFUSED — it was the last that signs, or the last served */
function assertNothingLost(moment: KeyMoment, version: KeyVersion, mode: RevocationMode): void {
  const { key, versions, now } = moment
  const wasServed = isServed(version, key, now)
  const hint =
    mode === 'flush'
      ? 'create a version first and leave it unpublished; or force it and say why'
      : 'create a version and revoke in the mode flush; or force it and say why'
  if (mode === 'flush') throw refuse(version, 'revoke', 'there is no fresh version', hint)
  if (version.state === 'active' && activeVersion(versions) === undefined) {
    throw refuse(version, 'revoke', `${key.name} would have no version that signs`, hint)
  }
  if (wasServed && !versions.some((other) => isServed(other, key, now))) {
    throw refuse(version, 'revoke', `no version of ${key.name} would be published`, hint)
  }
}
