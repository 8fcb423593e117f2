/**
 * The policies as far as they can be decided before a request is read: by caller, action and key alone, or by
 * the caller alone. Whatever looks at more is taken for satisfied in a permit and left out in a forbid, so the
 * coarse decision never refuses what the fine one permits.
 *
 * @packageDocumentation
 */
import type { Cedar, Clause, PolicyJson } from './cedar.ts'
import { mentions } from './expression.ts'
import { toClauses, writePolicy } from './policy-clauses.ts'
import type { AccessPolicy } from './policy-set.ts'

/** Keeps of each policy what depends on caller, action and key. */
export function withoutContext(
  cedar: Cedar,
  policies: readonly AccessPolicy[],
): readonly AccessPolicy[] {
  return reduce(cedar, policies, (json) => json, ['context'])
}

/** Keeps of each permit what depends on the caller: satisfied by callers who may be permitted something. */
export function aboutCallers(
  cedar: Cedar,
  policies: readonly AccessPolicy[],
): readonly AccessPolicy[] {
  const permits = policies.filter(({ json }) => json.effect === 'permit')
  const widen = (json: PolicyJson): PolicyJson => ({
    ...json,
    action: { op: 'All' },
    resource: { op: 'All' },
  })
  return reduce(cedar, permits, widen, ['context', 'action', 'resource'])
}

type Variable = 'context' | 'action' | 'resource'

function reduce(
  cedar: Cedar,
  policies: readonly AccessPolicy[],
  widen: (json: PolicyJson) => PolicyJson,
  unknown: readonly Variable[],
): readonly AccessPolicy[] {
  const isKnown = ({ body }: Clause): boolean => !mentions(body, unknown)
  return policies.flatMap((policy) => {
    const clauses = policy.json.conditions.flatMap(toClauses)
    const known = clauses.filter(isKnown)
    if (policy.json.effect === 'forbid') return known.length < clauses.length ? [] : [policy]
    const scope = widen(policy.json)
    const text =
      writePolicy(cedar, { ...scope, conditions: known }) ||
      writePolicy(cedar, { ...scope, conditions: [] })
    return [{ ...policy, text, json: { ...scope, conditions: known } }]
  })
}
