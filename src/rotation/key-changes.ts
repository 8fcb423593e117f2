/**
 * What can be done to the versions of a key: publish, activate, rotate, retire, revoke, destroy. Each is
 * one transaction with its log entry, and then what follows from it in the backend.
 *
 * @packageDocumentation
 */
import { untilCancelled } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import { type KeyMoment, standbyOf } from '../keys/lifecycle.ts'
import { freshOf } from '../keys/revocation.ts'
import { publish, retire } from '../keys/transitions.ts'
import { type VersionChange, versionsOf } from '../keys/version-change.ts'
import { actInBackend, type BackendOutcome } from './backend.ts'
import { type Change, changeKey, consentTo, readMoment } from './change.ts'
import type { Operator, RotationContext } from './context.ts'
import { type PreparedPair, withNewPair } from './new-pair.ts'
import { takeIn, withVersion } from './new-version.ts'
import { assertSigns, findDefect } from './proven-version.ts'
import {
  type ActivateOperation,
  decideOn,
  type Given,
  type Operation,
  type RevokeOperation,
  targetOf,
} from './operation.ts'
import { throwForLater } from './later-rotation.ts'
import { assertVersionsLogged } from './logged-versions.ts'

/** What was done. */
export interface Transitioned extends Change {
  /** What was tried in the backend afterwards; undefined: nothing needed to be. */
  readonly backend: BackendOutcome | undefined
}

/**
 * Does one transition, and then what follows from it in the backend. A `flush` makes a fresh version first
 * where none exists; it comes into being, active, in the transaction that revokes. Destroying what is
 * destroyed asks the backend again.
 *
 * @throws {@link CountersignError} as decideOn, changeKey and, for a `flush`, withNewPair
 */
export async function transition(
  context: RotationContext,
  name: string,
  operation: Operation,
  by: Operator,
): Promise<Transitioned> {
  switch (operation.action) {
    case 'publish':
    case 'retire':
      return { ...(await change(context, name, operation, by)), backend: undefined }
    case 'activate': {
      const named = await proveActivation(context, name, operation, by)
      return { ...(await change(context, name, named, by)), backend: undefined }
    }
    case 'revoke': {
      const revoked = await revokeInStore(context, name, operation, by)
      // Before the revocation is acknowledged.
      await context.anchor?.keepRevocation(revoked.changed)
      const target = revoked.changed.find(({ state }) => state === 'revoked')
      const backend = target && (await actInBackend(context, 'disable', target))
      return { ...revoked, backend }
    }
    case 'destroy': {
      const { version } = operation
      const known = await findDestroyed(context, name, version)
      const step = { version, action: 'destroy', isForced: false }
      if (known !== undefined) await consentTo(context, name, step, by)
      const destroyed = known ?? (await change(context, name, operation, by))
      const target = destroyed.versions.find((each) => each.version === version)
      const backend = target && (await actInBackend(context, 'destroy', target))
      return { ...destroyed, backend }
    }
  }
}

/** Names the version, and makes sure that it signs at this moment, where the rules let it. */
async function proveActivation(
  context: RotationContext,
  name: string,
  operation: ActivateOperation,
  by: Operator,
): Promise<ActivateOperation> {
  const version = await context.store.transaction(async (records) => {
    const moment = await readMoment(records, name, context.now())
    const number = targetOf(operation, moment)
    await decideOn({ ...operation, version: number }, by, { moment, records })
    const found = moment.versions.find((each) => each.version === number)
    // A version that an attacker inserted is not even opened.
    if (found !== undefined) await assertVersionsLogged(records.log, found, moment.key.use)
    return found
  })
  if (version !== undefined) await assertSigns(context, version, by.requestId)
  return { ...operation, version: version?.version }
}

function change(
  context: RotationContext,
  name: string,
  operation: Operation,
  by: Operator,
): Promise<Change> {
  const isRevocation = operation.action === 'revoke'
  return changeKey(context, name, { by, isRevocation }, (moment, records) =>
    decideOn(operation, by, { moment, records }),
  )
}

async function revokeInStore(
  context: RotationContext,
  name: string,
  operation: RevokeOperation,
  by: Operator,
): Promise<Change> {
  const moment = await readKey(context, name)
  // Named now: while a key pair is made, another version may become the active one.
  const named = { ...operation, version: targetOf(operation, moment) }
  const dead = await findDeadSuccessor(context, moment, named)
  if (dead !== undefined) return revokeWithoutStandby(context, dead, named, by)
  if (!needsFreshVersion(moment, named)) return change(context, name, named, by)
  return withNewPair(context, name, (prepared) =>
    changeKey(context, name, { by, isRevocation: true }, async (latest, records) => {
      const fresh = await takeIn(prepared, latest, records)
      const given = { moment: withVersion(latest, fresh.after), records }
      return [fresh, ...(await decideOn(named, by, given))]
    }),
  )
}

/** So long an emergency waits to hear whether the version that would take over signs. */
const MAX_TEST_MS = 3000

/** A version that would take over and does not sign; a backend that is away proves nothing, and holds up nothing. */
async function findDeadSuccessor(
  context: RotationContext,
  { key, versions }: KeyMoment,
  { mode, version }: RevokeOperation,
): Promise<KeyVersion | undefined> {
  const target = versions.find((each) => each.version === version)
  const others = versions.filter((each) => each !== target)
  const seamless = target?.state === 'active' ? standbyOf(others) : undefined
  const successor = mode === 'flush' ? freshOf(others) : seamless
  if (successor === undefined) return undefined
  await context.store.transaction(({ log }) => assertVersionsLogged(log, successor, key.use))
  const limit = AbortSignal.timeout(MAX_TEST_MS)
  const defect = await untilCancelled(findDefect(context, successor), limit).catch(() => undefined)
  return defect === undefined ? undefined : successor
}

/**
 * Revokes where the version that would take over is dead: that is retired, and one that is made now takes
 * over. Where none can be made the revocation leaves the key without a version that signs, if it is forced.
 */
async function revokeWithoutStandby(
  context: RotationContext,
  dead: KeyVersion,
  operation: RevokeOperation,
  by: Operator,
): Promise<Change> {
  const revokeWith = (prepared?: PreparedPair): Promise<Change> =>
    changeKey(context, dead.key, { by, isRevocation: true }, async (latest, records) => {
      const made = prepared === undefined ? [] : [await takeIn(prepared, latest, records)]
      const ended = retire(latest, dead.version)
      const others = latest.versions.filter(({ version }) => version !== dead.version)
      const versions = [...others, ...versionsOf([...ended, ...made])]
      const moment = { ...latest, versions }
      const mode = prepared === undefined ? operation.mode : 'flush'
      return [
        ...ended,
        ...made,
        ...(await decideOn({ ...operation, mode }, by, { moment, records })),
      ]
    })
  const progress = { isMade: false }
  try {
    return await withNewPair(context, dead.key, (prepared) => {
      progress.isMade = true
      return revokeWith(prepared)
    })
  } catch (error) {
    if (progress.isMade) throw error
    return revokeWith()
  }
}

/** Whether a revocation activates a version no verifier has seen, and none exists yet. */
export function needsFreshVersion(
  { versions }: KeyMoment,
  { mode, version }: RevokeOperation,
): boolean {
  const target = versions.find((each) => each.version === version)
  if (mode !== 'flush' || target === undefined) return false
  // Revoked before: only `compromisedSince` moves. Destroyed: it signs nothing that needs a successor.
  if (target.state === 'revoked' || target.state === 'destroyed') return false
  return !versions.some(
    ({ state, publishedAt }) => state === 'pending' && publishedAt === undefined,
  )
}

async function findDestroyed(
  context: RotationContext,
  name: string,
  number: number,
): Promise<Change | undefined> {
  return context.store.transaction(async (records) => {
    const { key, versions } = await readMoment(records, name, context.now())
    if (versions.find(({ version }) => version === number)?.state !== 'destroyed') return undefined
    return { key, versions, changed: [], sequence: await records.keys.sequence() }
  })
}

/**
 * Lets the standby of a key sign in place of its active version; where none exists, makes and publishes one
 * in the same transaction, which then has to wait for verifiers like any other. What has to wait is done by the
 * scheduler as soon as it may be.
 *
 * @throws {@link CountersignError} ERR_TRANSITION_TOO_EARLY — verifiers may not have seen it; it names the
 * earliest time; and as createVersion
 */
export async function rotate(
  context: RotationContext,
  name: string,
  options: { readonly force?: boolean | undefined },
  by: Operator,
): Promise<Transitioned> {
  const operation = { action: 'activate', force: options.force } as const
  const { versions } = await readKey(context, name)
  if (standbyOf(versions) !== undefined) {
    return transition(context, name, operation, by).catch((error: unknown) =>
      throwForLater(context, name, error, by),
    )
  }
  let refusal: CountersignError | undefined
  const done = await withNewPair(context, name, (prepared) =>
    changeKey(context, name, { by }, async (moment, records) => {
      const made = await takeIn(prepared, moment, records)
      const decided = await rotateInto(made, options, by, { moment, records })
      refusal = decided.refusal
      return decided.changes
    }),
  )
  if (refusal !== undefined) return throwForLater(context, name, refusal, by)
  return { ...done, backend: undefined }
}

/**
 * Decides on a rotation that makes its own standby: it is published even where it may not sign yet.
 *
 * @throws {@link CountersignError} as decideOn, but for what time alone will allow
 */
export async function rotateInto(
  made: VersionChange,
  { force }: { readonly force?: boolean | undefined },
  by: Operator,
  { moment, records }: Given,
): Promise<{
  readonly changes: readonly VersionChange[]
  readonly refusal: CountersignError | undefined
}> {
  const { version } = made.after
  const published = publish(withVersion(moment, made.after), version)
  const versions = [...moment.versions, ...versionsOf(published)]
  const operation = { action: 'activate', version, force } as const
  try {
    const activated = await decideOn(operation, by, { moment: { ...moment, versions }, records })
    return { changes: [made, ...published, ...activated], refusal: undefined }
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_TRANSITION_TOO_EARLY')) throw error
    return { changes: [made, ...published], refusal: error }
  }
}

/**
 * Takes back a destruction that a backend has scheduled and not yet done: the key pair stays, disabled.
 * The version stays destroyed, and never signs again.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND; ERR_TRANSITION_REFUSED — it is not destroyed
 */
export async function cancelDestruction(
  context: RotationContext,
  name: string,
  number: number,
  by: Operator,
): Promise<BackendOutcome> {
  const version = assertDestroyed(await readKey(context, name), number)
  const step = { version: number, action: 'cancel-destruction', isForced: false }
  await consentTo(context, name, step, by)
  return actInBackend(context, 'cancel-destruction', version)
}

/**
 * Finds a version that is destroyed.
 *
 * @throws {@link CountersignError} as {@link cancelDestruction}
 */
export function assertDestroyed({ key, versions }: KeyMoment, number: number): KeyVersion {
  const version = versions.find((each) => each.version === number)
  if (version?.state === 'destroyed') return version
  throw notDestroyed(key.name, number, version)
}

function notDestroyed(name: string, number: number, version?: KeyVersion): CountersignError {
  const options = {
    hint: 'list the versions of the key',
    reason: 'no-such-version',
    details: { key: name, version: number },
  } as const
  if (version === undefined) {
    return new CountersignError('ERR_KEY_NOT_FOUND', `${name} has no version ${number}`, options)
  }
  const message = `nothing destroys ${name}@${number}: it is ${version.state}`
  return new CountersignError('ERR_TRANSITION_REFUSED', message, options)
}

function readKey(context: RotationContext, name: string): Promise<KeyMoment> {
  return context.store.transaction((records) => readMoment(records, name, context.now()))
}
