/**
 * What a scheduler does for a key, as a pure function of its versions and the time: asked again after each
 * step, and by any replica, it comes to the same end.
 *
 * @packageDocumentation
 */
import { addSeconds, ripeAt } from './deadlines.ts'
import type { KeyVersion } from './key.ts'
import { activeVersion, isUnused, type KeyMoment, standbyOf } from './lifecycle.ts'

/** One step that is due. */
export type DueAction =
  | { readonly action: 'create' }
  | { readonly action: 'publish' | 'activate'; readonly version: number }

/**
 * What is due now, in order. A standby is made and published where none exists; the first version of a
 * key is activated at once, a later one when the period of the active one is over and verifiers have seen
 * it, or sooner where that was asked for. Nothing is ever ended, and a key whose signing was stopped stays stopped.
 */
export function dueActions(moment: KeyMoment): readonly DueAction[] {
  const { versions } = moment
  const pending = versions.filter(({ state }) => state === 'pending')
  const [next] = pending.toSorted((a, b) => a.version - b.version)
  if (next === undefined) return [{ action: 'create' }]
  const standby = standbyOf(versions)
  if (standby === undefined) return [{ action: 'publish', version: next.version }]
  return isDue(moment, standby) ? [{ action: 'activate', version: standby.version }] : []
}

function isDue(moment: KeyMoment, standby: KeyVersion): boolean {
  const { versions, now } = moment
  if (isUnused(versions)) return true
  const ripe = ripeAt(standby, moment.key)
  const scheduled = isRequested(moment, standby) ? ripe : scheduledAt(moment)
  return scheduled !== undefined && ripe !== undefined && now >= scheduled && now >= ripe
}

/** Whether a rotation to a version was asked for before it could be made. */
export function isRequested({ key }: KeyMoment, { version }: KeyVersion): boolean {
  return key.rotateTo === version
}

/** When the period of the active version is over; undefined: no version is active, or no period set. */
export function scheduledAt({ key, versions }: KeyMoment): Date | undefined {
  const { everySeconds } = key.policy
  const start = activeVersion(versions)?.activatedAt
  return start && everySeconds !== undefined ? addSeconds(start, everySeconds) : undefined
}
