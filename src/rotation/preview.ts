/**
 * What an operation would do, found out without doing it: decided by the same functions, on what the store
 * holds at this moment.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import { activeVersion, type KeyMoment, standbyOf, UNTOUCHED } from '../keys/lifecycle.ts'
import { planRevocation, type RevocationPlan } from '../keys/revocation-plan.ts'
import { planRotation, type RotationPlan } from '../keys/rotation-plan.ts'
import { readMoment } from './change.ts'
import type { Operator, RotationContext } from './context.ts'
import { nextNumber } from './new-pair.ts'
import { withVersion } from './new-version.ts'
import { decideOn, type Operation, targetOf } from './operation.ts'
import { needsFreshVersion } from './transitions.ts'

/** What would change about one version. */
export interface PreviewedChange {
  readonly version: number
  /** Undefined: it would be new. */
  readonly from: KeyVersion['state'] | undefined
  readonly to: KeyVersion['state']
}

/** An operation as it would be at this moment. */
export interface Preview {
  readonly key: string
  readonly changes: readonly PreviewedChange[]
  /** Why it would be refused; undefined where it would be done. */
  readonly refusal: CountersignError | undefined
  /** How the key rotates, with the earliest time of each step. */
  readonly rotation: RotationPlan
  /** How far a revocation reaches; undefined for anything else. */
  readonly revocation: RevocationPlan | undefined
}

/**
 * Finds out what an operation would do.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no such key or version; and what the store throws
 */
export function previewTransition(
  context: RotationContext,
  name: string,
  operation: Operation,
  by: Operator,
): Promise<Preview> {
  return context.store.transaction(async (records) => {
    const known = await readMoment(records, name, context.now())
    const named = { ...operation, version: targetOf(operation, known) }
    const isFlush = named.action === 'revoke' && needsFreshVersion(known, named)
    const moment = isFlush ? withVersion(known, standIn(known)) : known
    const outcome = await attempt(() => decideOn(named, by, { moment, records }))
    const isRevocation = named.action === 'revoke' && outcome.refusal === undefined
    return {
      key: name,
      changes: outcome.changed.map((version) => toChange(known, version)),
      refusal: outcome.refusal,
      rotation: planRotation(known),
      revocation: isRevocation ? planRevocation(moment, named.version, named.mode) : undefined,
    }
  })
}

/** Finds out what a new version or a rotation would mean: when each of its steps could be. */
export async function previewRotation(context: RotationContext, name: string): Promise<Preview> {
  const moment = await context.store.transaction((records) =>
    readMoment(records, name, context.now()),
  )
  const { versions } = moment
  const next = standbyOf(versions)
  const active = activeVersion(versions)
  const number = next?.version ?? nextNumber(versions)
  return {
    key: name,
    changes: [
      ...(active === undefined
        ? []
        : [{ version: active.version, from: active.state, to: 'retired' as const }]),
      { version: number, from: next?.state, to: 'active' },
    ],
    refusal: undefined,
    rotation: planRotation(moment),
    revocation: undefined,
  }
}

async function attempt(decide: () => Promise<readonly KeyVersion[]>): Promise<{
  readonly changed: readonly KeyVersion[]
  readonly refusal: CountersignError | undefined
}> {
  try {
    return { changed: await decide(), refusal: undefined }
  } catch (error) {
    const isRefusal =
      CountersignError.is(error, 'ERR_TRANSITION_REFUSED') ||
      CountersignError.is(error, 'ERR_TRANSITION_TOO_EARLY')
    if (!isRefusal) throw error
    return { changed: [], refusal: error }
  }
}

function toChange({ versions }: KeyMoment, { version, state }: KeyVersion): PreviewedChange {
  return { version, from: versions.find((each) => each.version === version)?.state, to: state }
}

/** Stands for the fresh version that a `flush` would make; only its number and its times are looked at. */
function standIn({ versions, now }: KeyMoment): KeyVersion {
  const [template] = versions.toSorted((a, b) => b.version - a.version)
  if (template === undefined) throw new TypeError('a key without versions has nothing to revoke')
  return {
    ...template,
    ...UNTOUCHED,
    version: template.version + 1,
    createdAt: now,
  }
}
