/** Does what is due for one key, step by step, until nothing is. */
import { CountersignError } from '../errors.ts'
import type { Key, KeyVersion } from '../keys/key.ts'
import { type DueAction, dueActions } from '../keys/due-actions.ts'
import type { KeyMoment } from '../keys/lifecycle.ts'
import { parseProviderReference } from '../providers/provider-reference.ts'
import { readMoment } from './change.ts'
import type { Operator, RotationContext } from './context.ts'
import { createVersion, importVersion } from './new-version.ts'
import { transition } from './key-changes.ts'

/** More than any key ever needs at once: create, publish, activate, and the same for the standby. */
const MAX_STEPS = 8

/**
 * Brings a key to where it should be at this moment: a first version that signs, a standby that is
 * published, the standby active once its time has come. Interrupted creations are finished. Asked again,
 * and by any replica, it finds nothing left to do.
 *
 * @throws {@link CountersignError} what the failed step threw; the steps before it are done, and whatever
 * signed still signs
 */
export async function doDueSteps(
  context: RotationContext,
  name: string,
  by: Operator,
): Promise<void> {
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const next = await readNextStep(context, name)
    if (next === undefined) return
    await doStep(context, next, by)
  }
}

interface NextStep {
  readonly key: Key
  readonly versions: readonly KeyVersion[]
  readonly due: DueAction
}

async function readNextStep(context: RotationContext, name: string): Promise<NextStep | undefined> {
  const { moment, isInterrupted } = await context.store.transaction(async (records) => ({
    moment: await readMoment(records, name, context.now()),
    isInterrupted: (await records.keys.intents()).some(({ key }) => key === name),
  }))
  const { key, versions } = moment
  if (isInterrupted) return { key, versions, due: { action: 'create' } }
  const [due] = dueActions(moment)
  if (due === undefined || isBesideOneKey(moment, due)) return undefined
  return { key, versions, due }
}

/** Where the provider is one key, that key is the first version, and no other follows. */
function isBesideOneKey({ key, versions }: KeyMoment, due: DueAction): boolean {
  const isOneKey = parseProviderReference(key.provider).kind === 'key'
  return isOneKey && due.action === 'create' && versions.length > 0
}

async function doStep(
  context: RotationContext,
  { key, due }: NextStep,
  by: Operator,
): Promise<void> {
  if (due.action === 'create') {
    const isOneKey = parseProviderReference(key.provider).kind === 'key'
    await (isOneKey
      ? importVersion(context, key.name, key.provider, by)
      : createVersion(context, key.name, by))
    return
  }
  const isAsked = due.action === 'activate' && due.version === key.rotateTo
  const reason = isAsked ? 'a rotation was asked for before it was possible' : by.reason
  try {
    await transition(context, key.name, due, { ...by, reason })
  } catch (error) {
    // Another process took the step first: the next read of the store shows what is left.
    if (!CountersignError.is(error, 'ERR_STATE_CONFLICT')) throw error
  }
}
