/** A rotation that was asked for before it was possible: the scheduler makes it as soon as it is. */
import { CountersignError } from '../errors.ts'
import { standbyOf } from '../keys/lifecycle.ts'
import { readMoment } from './change.ts'
import type { Operator, RotationContext } from './context.ts'

/**
 * Notes a rotation that only time forbids, where the caller needs no approval for it: an approval is for one
 * change by one caller, and waits with its request.
 *
 * @throws {@link CountersignError} the error itself; its hint says what will happen
 */
export async function throwForLater(
  context: RotationContext,
  name: string,
  error: unknown,
  by: Operator,
): Promise<never> {
  if (!CountersignError.is(error, 'ERR_TRANSITION_TOO_EARLY')) throw error
  const isNoted = await noteRotation(context, name, by)
  const { message, details, hint } = error
  throw new CountersignError('ERR_TRANSITION_TOO_EARLY', message, {
    hint: isNoted ? 'it is activated then without being asked again' : hint,
    details,
    cause: error,
  })
}

async function noteRotation(
  { now, store }: RotationContext,
  name: string,
  { consent }: Operator,
): Promise<boolean> {
  try {
    await store.transaction(async (records) => {
      await records.keys.lockKey(name)
      const { versions } = await readMoment(records, name, now())
      const standby = standbyOf(versions)
      if (standby === undefined) throw new NotNoted()
      const step = { version: standby.version, action: 'activate', isForced: false }
      const used = (await consent?.([step], records)) ?? []
      if (used.length > 0) throw new NotNoted()
      await records.keys.requestRotation(name, standby.version)
      records.announce()
    })
    return true
  } catch (error) {
    const needsApproval = CountersignError.is(error, 'ERR_APPROVAL_REQUIRED')
    if (needsApproval || error instanceof NotNoted) return false
    throw error
  }
}

/** Undoes the transaction: an approval is not used up by a request that is refused. */
class NotNoted extends Error {}
