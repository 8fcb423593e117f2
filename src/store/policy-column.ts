import { CountersignError } from '../errors.ts'
import { isJsonObject, type JsonValue, parseJson } from '../formats/json.ts'
import type { FormerPolicy, RotationPolicy } from '../keys/key.ts'
import type { KeyQuantities } from '../keys/policy.ts'

/** Writes the policy of a key as JSON, with those it had before. */
export function fromQuantities({ policy, formerPolicies = [] }: KeyQuantities): string {
  return JSON.stringify(formerPolicies.length === 0 ? policy : { ...policy, formerPolicies })
}

/**
 * Reads policies as they were written.
 *
 * @throws {@link CountersignError} ERR_INTERNAL — a quantity is missing: another program wrote it
 */
export function toQuantities(text: string): KeyQuantities {
  const json = parseJson(text)
  const policy = toPolicy(json)
  const { formerPolicies: former } = isJsonObject(json) ? json : {}
  if (former === undefined) return { policy }
  if (!Array.isArray(former)) throw lacks('the list of those before')
  return { policy, formerPolicies: former.map(toFormer) }
}

function toFormer(json: JsonValue): FormerPolicy {
  const { policy, countsUntil } = isJsonObject(json) ? json : {}
  const time = new Date(typeof countsUntil === 'string' ? countsUntil : Number.NaN)
  if (Number.isNaN(time.getTime())) throw lacks('countsUntil')
  return { policy: toPolicy(policy), countsUntil: time }
}

function toPolicy(json: JsonValue | undefined): RotationPolicy {
  const optional = (name: keyof RotationPolicy): number | undefined => {
    const value = isJsonObject(json) ? json[name] : undefined
    return typeof value === 'number' ? value : undefined
  }
  const seconds = (name: keyof RotationPolicy): number => {
    const value = optional(name)
    if (value !== undefined) return value
    throw lacks(name)
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

function lacks(what: string): CountersignError {
  return new CountersignError('ERR_INTERNAL', `a stored rotation policy lacks ${what}`)
}
