/**
 * How verifiers in the field cache a JWKS: what a rotation or a revocation must reckon with. Read in their
 * source or documentation; most ignore the cache headers they are sent.
 *
 * @packageDocumentation
 */
import type { KeyUse, RotationPolicy } from './key.ts'

/** How long a class keeps a set: seconds, as `max-age` says, or until it meets a `kid` it does not know. */
export type CacheTime = number | 'max-age' | 'until-unknown-kid'

/** One way to cache a JWKS. */
export interface VerifierClass {
  readonly name: string
  readonly keeps: CacheTime
  /** Seconds for which an unknown `kid` may go without a new fetch; undefined: it never causes one. */
  readonly cooldownSeconds: number | undefined
}

const verifier = (name: string, keeps: CacheTime, cooldownSeconds?: number): VerifierClass => ({
  name,
  keeps,
  cooldownSeconds,
})

/** The verifiers of tokens that we know of. */
const VERIFIER_CLASSES: readonly VerifierClass[] = [
  verifier('jose', 600, 30),
  verifier('jwks-rsa', 600, 0),
  verifier('PyJWT', 300, 30),
  verifier('Spring Security', 300, 0),
  verifier('Spring Security (reactive)', 'until-unknown-kid', 0),
  verifier('go-oidc', 'until-unknown-kid', 0),
  verifier('zitadel/oidc', 'until-unknown-kid', 0),
  verifier('keyfunc', 3600, 300),
  verifier('Envoy', 600),
  verifier('Istio', 1200),
  verifier('step-ca', 'max-age'),
  verifier('Apigee', 300),
  verifier('AWS API Gateway', 3600, 0),
  verifier('nginx', 0, 0),
]

/** Who verifies artifacts has a copy of the key history; ours keep it as long as its headers say. */
const HISTORY_CLASSES: readonly VerifierClass[] = [verifier('copies of the key history', 'max-age')]

/** The verifiers that a key of some use has. */
export function verifiersOf(use: KeyUse): readonly VerifierClass[] {
  return use === 'token' ? VERIFIER_CLASSES : HISTORY_CLASSES
}

/** Longest time a class keeps a set it fetched: `Infinity` where only an unknown `kid` ends it. */
export function keepsSeconds(verifierClass: VerifierClass, policy: RotationPolicy): number {
  const { keeps } = verifierClass
  if (keeps === 'max-age') return policy.maxAgeSeconds
  return keeps === 'until-unknown-kid' ? Infinity : keeps
}

/** Longest time a class refuses tokens of a version that had been served for `waitedSeconds` when it began to sign. */
export function refusesSeconds(
  verifierClass: VerifierClass,
  policy: RotationPolicy,
  waitedSeconds: number,
): number {
  const stale = Math.max(0, keepsSeconds(verifierClass, policy) - waitedSeconds)
  return Math.min(stale, verifierClass.cooldownSeconds ?? stale)
}
