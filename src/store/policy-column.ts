import { CountersignError } from '../errors.ts'
import { isJsonObject, parseJson } from '../formats/json.ts'
import type { RotationPolicy } from '../keys/key.ts'

/** Writes a policy as JSON. */
export function fromPolicy(policy: RotationPolicy): string {
  return JSON.stringify(policy)
}

/**
 * Reads a policy as it was written.
 *
 * @throws {@link CountersignError} ERR_INTERNAL — a quantity is missing: another program wrote it
 */
export function toPolicy(text: string): RotationPolicy {
  const json = parseJson(text)
  const optional = (name: keyof RotationPolicy): number | undefined => {
    const value = isJsonObject(json) ? json[name] : undefined
    return typeof value === 'number' ? value : undefined
  }
  const seconds = (name: keyof RotationPolicy): number => {
    const value = optional(name)
    if (value !== undefined) return value
    throw new CountersignError('ERR_INTERNAL', `a stored rotation policy lacks ${name}`)
  }
  return {
    maxAgeSeconds: seconds('maxAgeSeconds'),
    verifierCacheSeconds: seconds('verifierCacheSeconds'),
    replicaLagSeconds: seconds('replicaLagSeconds'),
    signerLagSeconds: seconds('signerLagSeconds'),
    clockSkewSeconds: seconds('clockSkewSeconds'),
    maxTokenLifetimeSeconds: seconds('maxTokenLifetimeSeconds'),
    verifierLeewaySeconds: seconds('verifierLeewaySeconds'),
    everySeconds: optional('everySeconds'),
    auditWindowSeconds: seconds('auditWindowSeconds'),
  }
}
