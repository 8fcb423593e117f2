/** The conditions of a policy one by one, and the way back to Cedar's language. */
import type { Cedar, Clause, PolicyJson } from './cedar.ts'
import { splitConjunction } from './expression.ts'

/** Takes a `when` apart at its `&&`; an `unless` is one condition. */
export function toClauses(clause: Clause): readonly Clause[] {
  if (clause.kind === 'unless') return [clause]
  return splitConjunction(clause.body).map((body) => ({ kind: 'when', body }))
}

/** Writes a policy in Cedar's language; empty where it can't be, as with a number too large for Cedar's JSON. */
export function writePolicy(cedar: Cedar, policy: PolicyJson): string {
  const answer = cedar.policyToText(policy)
  return answer.type === 'success' ? answer.text : ''
}
