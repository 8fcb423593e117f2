/**
 * What an operation would do, found out without doing it: decided by the same functions, on what the store
 * holds at this moment.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import { type KeyMoment, standbyOf, UNTOUCHED } from '../keys/lifecycle.ts'
import { planRevocation, type RevocationPlan } from '../keys/revocation-plan.ts'
import { planRotation, type RotationPlan } from '../keys/rotation-plan.ts'
import { create } from '../keys/transitions.ts'
import { readMoment } from './change.ts'
import type { Operator, RotationContext } from './context.ts'
import { nextNumber } from './new-pair.ts'
import { readImport, withVersion } from './new-version.ts'
import { decideOn, type Operation, targetOf } from './operation.ts'
import { assertDestroyed, needsFreshVersion } from './transitions.ts'

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

/** Finds out what a new version would be: pending, whether or not it is published at once. */
export async function previewCreation(context: RotationContext, name: string): Promise<Preview> {
  const moment = await context.store.transaction((records) =>
    readMoment(records, name, context.now()),
  )
  return unrevoking(moment, {
    changed: [{ version: nextNumber(moment.versions), state: 'pending' }],
  })
}

/**
 * Finds out what taking in a key pair would be; it signs a test, as it would then.
 *
 * @throws {@link CountersignError} as importVersion
 */
export async function previewImport(
  context: RotationContext,
  name: string,
  reference: string,
): Promise<Preview> {
  const { moment, pair } = await readImport(context, name, reference)
  return unrevoking(moment, { changed: [create(moment, pair)] })
}

/**
 * Finds out what a rotation would do at this moment. Where there is no standby one would be made first, and
 * that would be done even if it may not sign yet.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no such key; and what the store throws
 */
export function previewRotation(
  context: RotationContext,
  name: string,
  options: { readonly force?: boolean | undefined },
  by: Operator,
): Promise<Preview> {
  return context.store.transaction(async (records) => {
    const known = await readMoment(records, name, context.now())
    if (known.versions.length === 0) {
      return unrevoking(known, { changed: [{ version: 1, state: 'active' }] })
    }
    const isNew = standbyOf(known.versions) === undefined
    const made = { ...standIn(known), publishedAt: known.now }
    const moment = isNew ? withVersion(known, made) : known
    const operation = { action: 'activate', force: options.force } as const
    const outcome = await attempt(() => decideOn(operation, by, { moment, records }))
    const isMade = isNew && outcome.refusal !== undefined
    return unrevoking(known, { ...outcome, changed: isMade ? [made] : outcome.changed })
  })
}

/**
 * Finds out what taking a destruction back would do; no version changes by it.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no such key or version; and what the store throws
 */
export async function previewCancellation(
  context: RotationContext,
  name: string,
  number: number,
): Promise<Preview> {
  const moment = await context.store.transaction((records) =>
    readMoment(records, name, context.now()),
  )
  const decide = (): Promise<readonly []> => {
    assertDestroyed(moment, number)
    return Promise.resolve([])
  }
  return unrevoking(moment, await attempt(decide))
}

/** What is not a revocation, as a preview. */
function unrevoking(
  moment: KeyMoment,
  outcome: {
    readonly changed: readonly Pick<KeyVersion, 'version' | 'state'>[]
    readonly refusal?: CountersignError | undefined
  },
): Preview {
  return {
    key: moment.key.name,
    changes: outcome.changed.map((version) => toChange(moment, version)),
    refusal: outcome.refusal,
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

function toChange(
  { versions }: KeyMoment,
  { version, state }: Pick<KeyVersion, 'version' | 'state'>,
): PreviewedChange {
  return { version, from: versions.find((each) => each.version === version)?.state, to: state }
}

/** Stands for a version that would be made; only its number and its times are looked at. */
function standIn({ versions, now }: KeyMoment): KeyVersion {
  const [template] = versions.toSorted((a, b) => b.version - a.version)
  if (template === undefined) throw new TypeError('a key without versions has nothing to revoke')
  return {
    ...template,
    ...UNTOUCHED,
    version: template.version + 1,
    createdAt: now,
    origin: 'generated',
  }
}
