/**
 * The quantities of rotation: their defaults and bounds, and the two spans that follow from them. Every
 * rule that waits takes its wait from here.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { Key, KeyUse, RotationPolicy } from './key.ts'

const HOUR = 3600
const DAY = 24 * HOUR

/** Configured quantities; those left out get their default. */
export type RotationOverrides = { readonly [Name in keyof RotationPolicy]?: RotationPolicy[Name] }

const DEFAULTS: Omit<RotationPolicy, 'everySeconds'> = {
  maxAgeSeconds: 300,
  verifierCacheSeconds: 900,
  replicaLagSeconds: 5,
  signerLagSeconds: 5,
  clockSkewSeconds: 60,
  maxTokenLifetimeSeconds: HOUR,
  verifierLeewaySeconds: 60,
  auditWindowSeconds: 30 * DAY,
}

/** The others sign so rarely, or are pinned by so many, that only people say when they change. */
const EVERY: Readonly<Record<KeyUse, number | undefined>> = {
  artifact: 90 * DAY,
  digest: 90 * DAY,
  token: 7 * DAY,
  timestamp: undefined,
  log: undefined,
  audit: undefined,
  trust: undefined,
}

/** Least and most of each quantity. */
const BOUNDS: Readonly<Record<keyof RotationPolicy, readonly [number, number]>> = {
  maxAgeSeconds: [0, DAY],
  verifierCacheSeconds: [0, 30 * DAY],
  replicaLagSeconds: [0, HOUR],
  signerLagSeconds: [0, HOUR],
  clockSkewSeconds: [0, HOUR],
  maxTokenLifetimeSeconds: [1, 30 * DAY],
  verifierLeewaySeconds: [0, HOUR],
  // What keeps it from being too short is the wait of a standby, not this.
  everySeconds: [1, 3650 * DAY],
  auditWindowSeconds: [0, 3650 * DAY],
}

const QUANTITIES = Object.keys(BOUNDS) as readonly (keyof RotationPolicy)[]

/**
 * Fills what was not chosen with the defaults of a use.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — a quantity is not a whole number within its
 * bounds, or the period is shorter than a standby must wait, or tokens and tolerances than R
 */
export function createRotationPolicy(
  use: KeyUse,
  overrides: RotationOverrides = {},
): RotationPolicy {
  const policy: RotationPolicy = { ...DEFAULTS, everySeconds: EVERY[use], ...overrides }
  assertBounds(policy)
  const { everySeconds } = policy
  const delay = activationDelaySeconds(policy)
  if (everySeconds !== undefined && everySeconds < delay) {
    throw invalid(
      `everySeconds is ${everySeconds}, but a new version must wait ${delay} s before it may sign`,
      'rotate less often, or lower maxAgeSeconds and verifierCacheSeconds if your verifiers allow it',
    )
  }
  assertRetentionOutlastsLag(policy)
  return policy
}

/**
 * A replica that has not heard yet that tokens may live longer would drop their key; it hears in time if
 * it keeps the key for no less than that takes.
 */
function assertRetentionOutlastsLag(policy: RotationPolicy): void {
  const { replicaLagSeconds, signerLagSeconds } = policy
  const keepsSeconds = retentionSeconds(policy) - signerLagSeconds
  if (keepsSeconds >= replicaLagSeconds) return
  throw invalid(
    `replicaLagSeconds is ${replicaLagSeconds}, and a retired version is kept ${keepsSeconds} s after its last signature`,
    'raise maxTokenLifetimeSeconds, or lower replicaLagSeconds',
  )
}

function assertBounds(policy: RotationPolicy): void {
  for (const [name, value] of Object.entries({
    ...policy,
    everySeconds: policy.everySeconds ?? HOUR,
  })) {
    const [least, most] = BOUNDS[name as keyof RotationPolicy]
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue
    throw invalid(`${name} is ${value}`, `give whole seconds, ${least} to ${most}`)
  }
}

function invalid(what: string, hint: string): CountersignError {
  return new CountersignError('ERR_CONFIG_INVALID', `rotation: ${what}`, { hint })
}

/** Waits: one that is longer is stricter. What is in neither list must be the same. */
const WAITS = [
  'verifierCacheSeconds',
  'replicaLagSeconds',
  'clockSkewSeconds',
  'verifierLeewaySeconds',
  'auditWindowSeconds',
] as const satisfies readonly (keyof RotationPolicy)[]

/** Whether tokens live no longer under a policy than under another, and no wait is shorter. */
export function isStricterPolicy(next: RotationPolicy, before: RotationPolicy): boolean {
  const { maxTokenLifetimeSeconds } = before
  const waits = Object.fromEntries(WAITS.map((name) => [name, before[name]]))
  return (
    next.maxTokenLifetimeSeconds <= maxTokenLifetimeSeconds &&
    WAITS.every((name) => next[name] >= before[name]) &&
    isSamePolicy({ ...next, ...waits, maxTokenLifetimeSeconds }, before)
  )
}

/** One addend of a wait, by its name in docs/design/rotation.md. */
export interface WaitTerm {
  readonly term: 'M' | 'V' | 'R' | 'L' | 'S' | 'T' | 'W' | 'audit window'
  readonly seconds: number
}

/** max(M, V): how long the keys that a verifier holds may be from before a publication. */
export function cacheTerm(policy: RotationPolicy): WaitTerm {
  const { maxAgeSeconds: M, verifierCacheSeconds: V } = policy
  return M > V ? { term: 'M', seconds: M } : { term: 'V', seconds: V }
}

/** max(M, V) + R + S: from publication until every supported verifier has surely seen a version. */
export function activationTerms(policy: RotationPolicy): readonly WaitTerm[] {
  return [
    cacheTerm(policy),
    { term: 'R', seconds: policy.replicaLagSeconds },
    { term: 'S', seconds: policy.clockSkewSeconds },
  ]
}

/** L + T + W + S: from retirement until no token of the version can be valid anywhere. */
export function retentionTerms(policy: RotationPolicy): readonly WaitTerm[] {
  return [{ term: 'L', seconds: policy.signerLagSeconds }, ...tokenTerms(policy)]
}

/** T + W + S: from the issuing of a token until it is valid nowhere. */
export function tokenTerms(policy: RotationPolicy): readonly WaitTerm[] {
  return [
    { term: 'T', seconds: policy.maxTokenLifetimeSeconds },
    { term: 'W', seconds: policy.verifierLeewaySeconds },
    { term: 'S', seconds: policy.clockSkewSeconds },
  ]
}

/** From the end of a version until it may be destroyed. */
export function auditTerms(policy: RotationPolicy): readonly WaitTerm[] {
  return [{ term: 'audit window', seconds: policy.auditWindowSeconds }]
}

/** How long {@link activationTerms} are together. */
export function activationDelaySeconds(policy: RotationPolicy): number {
  return sumOf(activationTerms(policy))
}

/** How long {@link retentionTerms} are together. */
export function retentionSeconds(policy: RotationPolicy): number {
  return sumOf(retentionTerms(policy))
}

/** How long the terms of a wait are together. */
export function sumOf(terms: readonly WaitTerm[]): number {
  return terms.reduce((sum, { seconds }) => sum + seconds, 0)
}

/** What a key says of its quantities, now and before. */
export type KeyQuantities = Pick<Key, 'policy' | 'formerPolicies'>

/**
 * Answers the quantities that count for what began at a time, a version's publication or retirement: each
 * wait as long as the policy or any former one that still counted then asks. What was cached or issued
 * under the old quantities does not know the new ones. Lifetimes granted and `max-age` served follow the
 * policy itself, at once.
 */
export function policyAt(key: KeyQuantities, time: Date): RotationPolicy {
  const { policy, formerPolicies = [] } = key
  return formerPolicies
    .filter(({ countsUntil }) => time < countsUntil)
    .reduce((after, former) => coverPolicies(former.policy, after), policy)
}

/**
 * The least L of the policies that count for what ended at a time: how long a version may still sign after it
 * was retired. A replica that has not heard of a longer one drops the key after the shorter.
 */
export function leastSignerLagSeconds(key: KeyQuantities, time: Date): number {
  const { policy, formerPolicies = [] } = key
  const counted = formerPolicies.filter(({ countsUntil }) => time < countsUntil)
  const lags = [policy, ...counted.map((former) => former.policy)].map(
    ({ signerLagSeconds }) => signerLagSeconds,
  )
  return Math.min(...lags)
}

/**
 * Changes the policy of a key. The one it had counts on for one {@link activationDelaySeconds} and one
 * {@link retentionSeconds}: by then every cache that was filled and every token that was issued under it
 * is over. It stays noted afterwards, since the window of a version retired under it never changes.
 */
export function changePolicy(key: KeyQuantities, policy: RotationPolicy, now: Date): KeyQuantities {
  const { policy: before, formerPolicies = [] } = key
  if (isSamePolicy(before, policy)) return { policy, ...(key.formerPolicies && { formerPolicies }) }
  const counted = policyAt(key, now)
  const span = activationDelaySeconds(counted) + retentionSeconds(counted)
  const known = formerPolicies.find((former) => isSamePolicy(former.policy, before))
  const until = Math.max(now.getTime() + span * 1000, known?.countsUntil.getTime() ?? 0)
  const others = formerPolicies.filter((former) => former !== known)
  return { policy, formerPolicies: [...others, { policy: before, countsUntil: new Date(until) }] }
}

/** Whether two policies have the same quantities. */
export function isSamePolicy(a: RotationPolicy, b: RotationPolicy): boolean {
  return QUANTITIES.every((name) => a[name] === b[name])
}

function coverPolicies(before: RotationPolicy, after: RotationPolicy): RotationPolicy {
  const longest = (name: Exclude<keyof RotationPolicy, 'everySeconds'>): number =>
    Math.max(before[name], after[name])
  return {
    maxAgeSeconds: longest('maxAgeSeconds'),
    verifierCacheSeconds: longest('verifierCacheSeconds'),
    replicaLagSeconds: longest('replicaLagSeconds'),
    signerLagSeconds: longest('signerLagSeconds'),
    clockSkewSeconds: longest('clockSkewSeconds'),
    maxTokenLifetimeSeconds: longest('maxTokenLifetimeSeconds'),
    verifierLeewaySeconds: longest('verifierLeewaySeconds'),
    everySeconds: after.everySeconds,
    auditWindowSeconds: after.auditWindowSeconds,
  }
}
