/**
 * What a clock that was ahead leaves behind in keys: versions that sign, or were published, only from a time
 * that has not come. Waiting for it would stop a key for as long as the clock was ahead.
 *
 * @packageDocumentation
 */
import type { KeyVersion } from '../keys/key.ts'
import { activeVersion, type KeyMoment } from '../keys/lifecycle.ts'
import { readMoment } from './change.ts'
import type { Operator, RotationContext } from './context.ts'
import { rotate, transition } from './key-changes.ts'

/**
 * Puts the versions of a key right once the clock is: one that is to sign from a later time on is replaced now, a
 * standby that no verifier can have seen yet is retired, so that another is made, and one that is revoked from a later
 * time on is revoked from now on. Does nothing where no time lies ahead.
 *
 * @throws {@link CountersignError} ERR_CLOCK — the clock is still wrong; and as rotate and transition
 */
export async function settleFutureVersions(
  context: RotationContext,
  name: string,
  by: Operator & { readonly reason: string },
): Promise<void> {
  const moment = await context.store.transaction((records) =>
    readMoment(records, name, context.now()),
  )
  const { versions, now } = moment
  for (const { compromisedSince, version } of versions) {
    if (!isAhead(compromisedSince, now)) continue
    const revoke = { action: 'revoke', version, mode: 'seamless', force: true } as const
    await transition(context, name, { ...revoke, compromisedSince: now }, by)
  }
  for (const { version } of uselessStandbys(moment)) {
    await transition(context, name, { action: 'retire', version }, by)
  }
  if (isAhead(activeVersion(versions)?.activatedAt, now)) {
    await rotate(context, name, { force: true }, by)
  }
}

/** One that takes over now was seen by verifiers, whatever its time; its certificates would not be valid yet. */
function uselessStandbys({ key, now, versions }: KeyMoment): readonly KeyVersion[] {
  const isWanted = key.use !== 'timestamp' && isAhead(activeVersion(versions)?.activatedAt, now)
  return versions.filter(
    ({ publishedAt, state }) => state === 'pending' && !isWanted && isAhead(publishedAt, now),
  )
}

function isAhead(time: Date | undefined, now: Date): boolean {
  return time !== undefined && time > now
}
