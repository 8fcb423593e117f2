/**
 * What an operation would do, found out without doing it: decided by the same functions, on what the store
 * holds at this moment.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import { type KeyMoment, standbyOf, UNTOUCHED } from '../keys/lifecycle.ts'
import type { VersionStep } from '../keys/protected-actions.ts'
import { planRevocation, type RevocationPlan } from '../keys/revocation-plan.ts'
import { planRotation, type RotationPlan } from '../keys/rotation-plan.ts'
import { create, relocate } from '../keys/transitions.ts'
import { stepOf, type VersionChange, versionsOf } from '../keys/version-change.ts'
import { readMoment } from './change.ts'
import type { Operator, RotationContext } from './context.ts'
import { nextNumber } from './new-pair.ts'
import { readImport } from './new-version.ts'
import { decideOn, type Operation, targetOf } from './operation.ts'
import { readRelocation, type RelocationRequest } from './relocation.ts'
import { assertDestroyed, needsFreshVersion, rotateInto } from './key-changes.ts'

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
  /** What would be done, step by step. */
  readonly steps: readonly VersionStep[]
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
    if (isDestroyedAgain(known, named)) {
      return unrevoking(known, { changed: [], steps: [besideVersions('destroy', named.version)] })
    }
    const made =
      named.action === 'revoke' && needsFreshVersion(known, named) ? [standIn(known)] : []
    const moment = { ...known, versions: [...known.versions, ...versionsOf(made)] }
    const { changes, refusal } = await attempt(() => decideOn(named, by, { moment, records }))
    const isRevocation = named.action === 'revoke' && refusal === undefined
    return {
      ...unrevoking(known, { changed: versionsOf(changes), refusal }),
      steps: refusal === undefined ? [...made, ...changes].map(stepOf) : [],
      revocation: isRevocation ? planRevocation(moment, named.version, named.mode) : undefined,
    }
  })
}

function isDestroyedAgain(
  { versions }: KeyMoment,
  { action, version: number }: Operation & { readonly version: number },
): boolean {
  const version = versions.find((each) => each.version === number)
  return action === 'destroy' && version?.state === 'destroyed'
}

/** Finds out what a new version would be: pending, whether or not it is published at once. */
export async function previewCreation(
  context: RotationContext,
  name: string,
  isPublished: boolean,
): Promise<Preview> {
  const moment = await context.store.transaction((records) =>
    readMoment(records, name, context.now()),
  )
  const version = nextNumber(moment.versions)
  const actions = isPublished ? ['create', 'publish'] : ['create']
  return unrevoking(moment, {
    changed: [{ version, state: 'pending' }],
    steps: actions.map((action) => besideVersions(action, version)),
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
  const created = create(moment, pair)
  const steps = [stepOf(created), besideVersions('publish', created.after.version)]
  return unrevoking(moment, { changed: [created.after], steps })
}

/**
 * Finds out what moving a version would be; the key there signs a test, as it would then.
 *
 * @throws {@link CountersignError} as readRelocation, but for what the rules refuse
 */
export async function previewRelocation(
  context: RotationContext,
  name: string,
  request: RelocationRequest,
): Promise<Preview> {
  const known = await context.store.transaction((records) =>
    readMoment(records, name, context.now()),
  )
  const { changes, refusal } = await attempt(async () => {
    const { moment, ...relocation } = await readRelocation(context, name, request)
    return relocate(moment, request.version, relocation)
  })
  return unrevoking(known, { changed: versionsOf(changes), steps: changes.map(stepOf), refusal })
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
    if (known.versions.length === 0) return previewFirst(known)
    if (standbyOf(known.versions) === undefined) {
      const given = { moment: known, records }
      let tooEarly: CountersignError | undefined
      const { changes, refusal = tooEarly } = await attempt(async () => {
        const decided = await rotateInto(standIn(known), options, by, given)
        tooEarly = decided.refusal
        return decided.changes
      })
      // Made in the same change, it is shown as what it comes to be.
      const about = { changed: lastOfEach(versionsOf(changes)), refusal }
      return unrevoking(known, { ...about, steps: changes.map(stepOf) })
    }
    const operation = { action: 'activate', force: options.force } as const
    const { changes, refusal } = await attempt(() =>
      decideOn(operation, by, { moment: known, records }),
    )
    const about = { changed: versionsOf(changes), refusal }
    return unrevoking(known, { ...about, steps: changes.map(stepOf) })
  })
}

function previewFirst(moment: KeyMoment): Preview {
  const steps = ['create', 'publish', 'activate'].map((action) => besideVersions(action, 1))
  return unrevoking(moment, { changed: [{ version: 1, state: 'active' }], steps })
}

function lastOfEach(changed: readonly KeyVersion[]): readonly KeyVersion[] {
  return changed.filter(
    ({ version }, place) => !changed.slice(place + 1).some((later) => later.version === version),
  )
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
  const { refusal } = await attempt(decide)
  const steps = refusal === undefined ? [besideVersions('cancel-destruction', number)] : []
  return unrevoking(moment, { changed: [], refusal, steps })
}

/** What is not a revocation, as a preview. */
function unrevoking(
  moment: KeyMoment,
  outcome: {
    readonly changed: readonly Pick<KeyVersion, 'version' | 'state'>[]
    readonly steps?: readonly VersionStep[]
    readonly refusal?: CountersignError | undefined
  },
): Preview {
  return {
    key: moment.key.name,
    changes: outcome.changed.map((version) => toChange(moment, version)),
    steps: outcome.steps ?? [],
    refusal: outcome.refusal,
    rotation: planRotation(moment),
    revocation: undefined,
  }
}

/** A step of a version that is not there, or does not change by it. */
function besideVersions(action: string, version: number): VersionStep {
  return { version, action, isForced: false }
}

async function attempt(decide: () => Promise<readonly VersionChange[]>): Promise<{
  readonly changes: readonly VersionChange[]
  readonly refusal: CountersignError | undefined
}> {
  try {
    return { changes: await decide(), refusal: undefined }
  } catch (error) {
    const isRefusal =
      CountersignError.is(error, 'ERR_TRANSITION_REFUSED') ||
      CountersignError.is(error, 'ERR_TRANSITION_TOO_EARLY')
    if (!isRefusal) throw error
    return { changes: [], refusal: error }
  }
}

function toChange(
  { versions }: KeyMoment,
  { version, state }: Pick<KeyVersion, 'version' | 'state'>,
): PreviewedChange {
  return { version, from: versions.find((each) => each.version === version)?.state, to: state }
}

/** Stands for a version that would be made; only its number and its times are looked at. */
function standIn({ versions, now }: KeyMoment): VersionChange {
  const [template] = versions.toSorted((a, b) => b.version - a.version)
  if (template === undefined) throw new TypeError('a key without versions has nothing to revoke')
  const after: KeyVersion = {
    ...template,
    ...UNTOUCHED,
    version: template.version + 1,
    createdAt: now,
    origin: 'generated',
  }
  return { action: 'create', before: undefined, after }
}
