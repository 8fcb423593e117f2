/**
 * What time alone decides about a key version: from when it may sign, until when it may, whether it is
 * served, from when it may be destroyed. Nothing of this is stored.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { KeyVersion } from './key.ts'
import {
  activationDelaySeconds,
  type KeyQuantities,
  leastSignerLagSeconds,
  policyAt,
  retentionSeconds,
} from './policy.ts'

/** A time some seconds after another. */
export function addSeconds(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000)
}

/** From when every supported verifier has surely seen a version; undefined while it is not published. */
export function ripeAt(version: KeyVersion, key: KeyQuantities): Date | undefined {
  const { publishedAt } = version
  return publishedAt && addSeconds(publishedAt, activationDelaySeconds(policyAt(key, publishedAt)))
}

/**
 * Until when the window of a retired version is open for signers that have not yet switched, this moment
 * included. What they may still sign ends no later, see {@link signable}.
 */
export function signsUntil(version: KeyVersion, key: KeyQuantities): Date | undefined {
  const { retiredAt } = version
  return retiredAt && addSeconds(retiredAt, policyAt(key, retiredAt).signerLagSeconds)
}

/** From when a retired version is in the JWKS no more. */
export function leavesJwksAt(version: KeyVersion, key: KeyQuantities): Date | undefined {
  const { retiredAt } = version
  return retiredAt && addSeconds(retiredAt, retentionSeconds(policyAt(key, retiredAt)))
}

/** From when a retired or revoked version may be destroyed: out of the JWKS, and past the audit window. */
export function destroyableAt(version: KeyVersion, key: KeyQuantities): Date | undefined {
  const end = version.revokedAt ?? leavesJwksAt(version, key)
  return end && addSeconds(end, key.policy.auditWindowSeconds)
}

/** Whether the JWKS (for an artifact key: the set of keys that can verify something new) has a version now. */
export function isServed(version: KeyVersion, key: KeyQuantities, now: Date): boolean {
  switch (version.state) {
    case 'pending':
      return version.publishedAt !== undefined
    case 'active':
      return true
    case 'retired': {
      const end = leavesJwksAt(version, key)
      return end !== undefined && now < end
    }
    case 'revoked':
    case 'destroyed':
      return false
  }
}

/** A longer L that is chosen later opens nothing again: other replicas may have dropped the key by then. */
function closedAt({ retiredAt }: KeyVersion, key: KeyQuantities): Date | undefined {
  return retiredAt && addSeconds(retiredAt, leastSignerLagSeconds(key, retiredAt))
}

/**
 * Judges whether a signature of a version may be released now: within its window, that is while it is
 * active, or retired at most L ago. Answers what is wrong, ERR_KEY_REVOKED or ERR_KEY_NOT_USABLE;
 * undefined where nothing is.
 */
export function signable(
  version: KeyVersion,
  key: KeyQuantities,
  now: Date,
): CountersignError | undefined {
  const { key: name, version: number, state, activatedAt, compromisedSince } = version
  const end = state === 'active' ? now : state === 'retired' ? closedAt(version, key) : undefined
  // Signed by a clock that is behind the activation, it would lie outside its window for ever.
  if (activatedAt !== undefined && end !== undefined && activatedAt <= now && now <= end) {
    return undefined
  }
  const code = compromisedSince === undefined ? 'ERR_KEY_NOT_USABLE' : 'ERR_KEY_REVOKED'
  const why = state === 'active' ? 'active only from a later time on' : state
  return new CountersignError(code, `${name}@${number} is ${why}, so it signs nothing now`, {
    hint: 'nothing was released; ask again: another version of the key signs',
    details: { key: name, version: number, state },
  })
}
