/**
 * What a rotation will do and when, before it is done: each time with the terms it comes from and the
 * verifiers that set it.
 *
 * @packageDocumentation
 */
import { addSeconds } from './deadlines.ts'
import { type DueAction, dueActions, isRequested, scheduledAt } from './due-actions.ts'
import type { RotationPolicy } from './key.ts'
import { activeVersion, isUnused, type KeyMoment, standbyOf } from './lifecycle.ts'
import {
  activationTerms,
  auditTerms,
  cacheTerm,
  policyAt,
  retentionTerms,
  sumOf,
  type WaitTerm,
} from './policy.ts'
import {
  keepsSeconds,
  refusesSeconds,
  type VerifierClass,
  verifiersOf,
} from './verifier-classes.ts'

/** One step of a rotation. */
export interface PlannedStep {
  readonly step: 'publish' | 'activate' | 'leave-jwks' | 'destroy'
  /** The earliest it can be, all steps before it being taken at their earliest. */
  readonly earliest: Date
  /** What is waited for since the step before. */
  readonly terms: readonly WaitTerm[]
  /** Which of it weighs most, for people. */
  readonly boundBy: string
}

/** A verifier that a rotation after the regular wait may still make refuse good tokens. */
export interface UncoveredVerifier {
  readonly name: string
  /** For how long, at most. */
  readonly refusesSeconds: number
}

/** A rotation as it can be. */
export interface RotationPlan {
  readonly key: string
  /** Number of the version that signs now; undefined: none does. */
  readonly from: number | undefined
  /** Number of the version that is next; undefined: it must be created. */
  readonly to: number | undefined
  /** t0 to t3: publish, activate, leave the JWKS (the one that signs now, if it signs tokens), destroy it. */
  readonly steps: readonly PlannedStep[]
  /** When the scheduler activates it; undefined: never by itself. */
  readonly scheduledAt: Date | undefined
  /** What the scheduler would do at this moment. */
  readonly due: readonly DueAction[]
  /** Verifiers whose caches outlive the wait. */
  readonly uncovered: readonly UncoveredVerifier[]
}

/**
 * Plans the next rotation of a key.
 *
 * @param verifiers - those in use; left out: all we know of that verify with such a key
 */
export function planRotation(
  moment: KeyMoment,
  verifiers: readonly VerifierClass[] = verifiersOf(moment.key.use),
): RotationPlan {
  const { key, versions } = moment
  const standby = standbyOf(versions)
  const activation = planActivation(moment, verifiers)
  const isAsked = standby !== undefined && isRequested(moment, standby)
  const scheduled = isAsked ? activation.earliest : scheduledAt(moment)
  return {
    key: key.name,
    from: activeVersion(versions)?.version,
    to: standby?.version,
    steps: planSteps(moment, activation),
    scheduledAt: scheduled && later(scheduled, activation.earliest),
    due: dueActions(moment),
    uncovered: uncoveredOf(policyAt(key, moment.now), verifiers),
  }
}

function planSteps(moment: KeyMoment, activation: PlannedStep): readonly PlannedStep[] {
  const policy = policyAt(moment.key, activation.earliest)
  const published = standbyOf(moment.versions)?.publishedAt
  const retention = retentionTerms(policy)
  const audit = auditTerms(policy)
  const leaves = addSeconds(activation.earliest, sumOf(retention))
  const publish: PlannedStep = {
    step: 'publish',
    earliest: published ?? moment.now,
    terms: [],
    boundBy: published === undefined ? 'nothing: it can be published now' : 'done',
  }
  if (activeVersion(moment.versions) === undefined) return [publish, activation]
  const destroy: PlannedStep = {
    step: 'destroy',
    earliest: addSeconds(leaves, sumOf(audit)),
    terms: audit,
    boundBy: 'the audit window, and no signature after it was closed',
  }
  // A key history keeps every version for ever.
  if (moment.key.use !== 'token') {
    return [publish, activation, { ...destroy, terms: [...retention, ...audit] }]
  }
  const leave: PlannedStep = {
    step: 'leave-jwks',
    earliest: leaves,
    terms: retention,
    boundBy: `T: its last token lives up to ${policy.maxTokenLifetimeSeconds} s`,
  }
  return [publish, activation, leave, destroy]
}

function planActivation(moment: KeyMoment, verifiers: readonly VerifierClass[]): PlannedStep {
  const { now, versions } = moment
  const published = standbyOf(versions)?.publishedAt ?? now
  const policy = policyAt(moment.key, published)
  if (isUnused(versions)) {
    const boundBy = 'nothing: the key has never signed, so there is nothing to verify with it'
    return { step: 'activate', earliest: later(published, now), terms: [], boundBy }
  }
  const terms = activationTerms(policy)
  return {
    step: 'activate',
    earliest: later(addSeconds(published, sumOf(terms)), now),
    terms,
    boundBy: describeSlowest(policy, verifiers),
  }
}

/** Who of the verifiers is covered, and needs the wait most. */
function describeSlowest(policy: RotationPolicy, verifiers: readonly VerifierClass[]): string {
  const { term, seconds: wait } = cacheTerm(policy)
  const what = term === 'M' ? `M: max-age is ${wait} s` : `V: verifiers may keep keys ${wait} s`
  const [slowest] = verifiers
    .map((verifier) => ({ name: verifier.name, keeps: keepsSeconds(verifier, policy) }))
    .filter(({ keeps }) => keeps <= wait)
    .toSorted((a, b) => b.keeps - a.keeps)
  return slowest === undefined ? what : `${what} (${slowest.name}: ${slowest.keeps} s)`
}

function uncoveredOf(
  policy: RotationPolicy,
  verifiers: readonly VerifierClass[],
): readonly UncoveredVerifier[] {
  const { seconds: waited } = cacheTerm(policy)
  return verifiers
    .map((verifier) => ({
      name: verifier.name,
      refusesSeconds: refusesSeconds(verifier, policy, waited),
    }))
    .filter((verifier) => verifier.refusesSeconds > 0)
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b
}
