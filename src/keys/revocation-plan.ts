/**
 * What a revocation will and will not reach, before it is done: for how long a thief's signatures may
 * still be taken, and whose good tokens will be refused instead.
 *
 * @packageDocumentation
 */
import { addSeconds, leavesJwksAt } from './deadlines.ts'
import type { KeyVersion } from './key.ts'
import { beginTransition, type KeyMoment, standbyOf } from './lifecycle.ts'
import { activationDelaySeconds, policyAt, sumOf, tokenTerms } from './policy.ts'
import { freshOf, type RevocationMode } from './revocation.ts'
import {
  keepsSeconds,
  refusesSeconds,
  type VerifierClass,
  verifiersOf,
} from './verifier-classes.ts'

/** What a revocation means for one class of verifiers. */
export interface VerifierExposure {
  readonly name: string
  /**
   * For how long it may accept the revoked version: seconds; until it meets a token of the fresh version;
   * or until it meets any unknown `kid`, which nothing here makes happen.
   */
  readonly accepts: number | 'until-fresh-token' | 'without-end'
  /** For how long it may refuse good tokens of the successor. */
  readonly refusesSeconds: number
}

/** A revocation as it would be at this moment. */
export interface RevocationPlan {
  readonly key: string
  readonly version: number
  readonly mode: RevocationMode
  /** Number of the version that takes over, the next one where it must be created; undefined: none does. */
  readonly successor: number | undefined
  /** From when every supported verifier takes the successor's tokens; undefined: at once, or none exists. */
  readonly successorRipeAt: Date | undefined
  /** When the last supported verifier has dropped it: max(M, V) + R from now. */
  readonly cachesUntil: Date
  /** When the last token it honestly signed is over, tolerances included; undefined: it signed none. */
  readonly tokensUntil: Date | undefined
  /** The bound on exposure for supported verifiers: the later of the two. */
  readonly exposedUntil: Date
  readonly verifiers: readonly VerifierExposure[]
}

/** What takes over, and since when verifiers can have seen it. */
interface Successor {
  readonly version: number
  readonly publishedAt: Date
}

/**
 * Plans a revocation, as if it were forced where it would be refused.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — the key has no version of this number
 */
export function planRevocation(
  moment: KeyMoment,
  number: number,
  mode: RevocationMode,
  verifiers: readonly VerifierClass[] = verifiersOf(moment.key.use),
): RevocationPlan {
  const { key, now } = moment
  const { version } = beginTransition(moment, number, 'revoke')
  const counted = policyAt(key, now)
  const successor = successorOf(moment, version, mode)
  const ripe =
    successor &&
    addSeconds(successor.publishedAt, activationDelaySeconds(policyAt(key, successor.publishedAt)))
  const cachesUntil = addSeconds(now, activationDelaySeconds(counted) - counted.clockSkewSeconds)
  const tokensUntil = lastTokenAt(moment, version)
  return {
    key: key.name,
    version: number,
    mode,
    successor: successor?.version,
    successorRipeAt: ripe !== undefined && ripe > now ? ripe : undefined,
    cachesUntil,
    tokensUntil,
    exposedUntil:
      tokensUntil !== undefined && tokensUntil > cachesUntil ? tokensUntil : cachesUntil,
    verifiers: verifiers.map((verifier) => exposureOf(verifier, moment, successor)),
  }
}

/** A fresh version that does not exist yet counts as made now, since that is how it is done. */
function successorOf(
  { versions, now }: KeyMoment,
  revoked: KeyVersion,
  mode: RevocationMode,
): Successor | undefined {
  const others = versions.filter((version) => version !== revoked)
  if (mode === 'flush') {
    const next = Math.max(...versions.map(({ version }) => version)) + 1
    return { version: freshOf(others)?.version ?? next, publishedAt: now }
  }
  const standby = revoked.state === 'active' ? standbyOf(others) : undefined
  return standby && { version: standby.version, publishedAt: standby.publishedAt ?? now }
}

/** The time from which a token of the version, signed at the latest moment, is over everywhere. */
function lastTokenAt({ key, now }: KeyMoment, version: KeyVersion): Date | undefined {
  if (key.use !== 'token' || version.state === 'pending') return undefined
  if (version.state !== 'active') return leavesJwksAt(version, key)
  return addSeconds(now, sumOf(tokenTerms(policyAt(key, now))))
}

function exposureOf(
  verifier: VerifierClass,
  { key, now }: KeyMoment,
  successor: Successor | undefined,
): VerifierExposure {
  const policy = policyAt(key, now)
  const keeps = keepsSeconds(verifier, policy)
  const servedSeconds = successor && (now.getTime() - successor.publishedAt.getTime()) / 1000
  const endless = servedSeconds === 0 ? 'until-fresh-token' : 'without-end'
  const waited = (servedSeconds ?? 0) - policy.replicaLagSeconds
  return {
    name: verifier.name,
    accepts: Number.isFinite(keeps) ? keeps + policy.replicaLagSeconds : endless,
    refusesSeconds: successor === undefined ? 0 : refusesSeconds(verifier, policy, waited),
  }
}
