/**
 * Why nothing permitted a request. Every permit is written again as a row of permits, each with one
 * condition more than the one before; which of them Cedar finds satisfied tells in one evaluation how far
 * each permit got.
 *
 * @packageDocumentation
 */
import type { Cedar, Clause, PolicyJson } from './cedar.ts'
import { describeFacts, type Facts } from './expression.ts'
import { toClauses, writePolicy } from './policy-clauses.ts'
import type { AccessPolicy } from './policy-set.ts'

/** A permit for the action and the key of a request, and the first of its conditions that does not hold. */
export interface MissedPermit {
  /** Name of the policy. */
  readonly policy: string
  /** The condition, as Cedar writes it. */
  readonly condition: string
  /** What the request has where the condition looks: `principal.ref is "refs/heads/main"`. */
  readonly facts: readonly string[]
}

interface Step {
  readonly id: string
  /** The permit with the conditions up to this one, in Cedar's language. */
  readonly policy: string
  /** The condition this step adds; empty for the first, which is action and key. */
  readonly text: string
  readonly expression: unknown
}

/** The permits of a set, ready to be asked how far they get. */
export interface PermitSteps {
  /** What to evaluate in place of the set. */
  readonly policies: Readonly<Record<string, string>>
  /** Reads the ids that were satisfied. */
  toMissed(satisfied: readonly string[], facts: Facts): readonly MissedPermit[]
}

/** Writes the permits of a set as rows of steps. */
export function toPermitSteps(cedar: Cedar, policies: readonly AccessPolicy[]): PermitSteps {
  const rows = policies
    .filter(({ json }) => json.effect === 'permit')
    .map((policy) => ({ policy, steps: toSteps(cedar, policy) }))
  const all = rows.flatMap(({ steps }) => steps)
  return {
    policies: Object.fromEntries(all.map(({ id, policy }) => [id, policy])),
    toMissed(satisfied, facts) {
      const ids = new Set(satisfied)
      return rows.flatMap(({ policy, steps: [first, ...rest] }) => {
        if (first === undefined || !ids.has(first.id)) return []
        const failed = rest.find(({ id }) => !ids.has(id))
        if (failed === undefined) return []
        const { text, expression } = failed
        return [{ policy: policy.name, condition: text, facts: describeFacts(expression, facts) }]
      })
    },
  }
}

/** The row of a permit; none where a number in it is too large for Cedar's JSON, so it goes unexplained. */
function toSteps(cedar: Cedar, { id, json }: AccessPolicy): readonly Step[] {
  const clauses = json.conditions.flatMap(toClauses)
  const rows = [
    {
      policy: { ...json, principal: ANY_CALLER.principal, conditions: [] },
      text: '',
      expression: [],
    },
    { policy: { ...json, conditions: [] }, text: principalText(cedar, json), expression: WHO },
    ...clauses.map((clause, index) => ({
      policy: { ...json, conditions: clauses.slice(0, index + 1) },
      text: clauseText(cedar, clause),
      expression: clause.body,
    })),
  ]
  const steps = rows.map(({ policy, ...rest }, index) => {
    return { ...rest, id: `${id} ${index}`, policy: writePolicy(cedar, policy) }
  })
  return steps.some(({ policy }) => policy === '') ? [] : steps
}

/** Asks for what names a principal. */
const WHO = ['issuer', 'subject'].map((attr) => ({ '.': { left: { Var: 'principal' }, attr } }))

const ANY_CALLER: Pick<PolicyJson, 'effect' | 'principal' | 'action' | 'resource'> = {
  effect: 'permit',
  principal: { op: 'All' },
  action: { op: 'All' },
  resource: { op: 'All' },
}

function principalText(cedar: Cedar, { principal }: PolicyJson): string {
  const text = writePolicy(cedar, { ...ANY_CALLER, principal, conditions: [] })
  return text.replace(/^permit\(/, '').replace(/, action, resource\);$/, '')
}

function clauseText(cedar: Cedar, clause: Clause): string {
  const text = writePolicy(cedar, { ...ANY_CALLER, conditions: [clause] })
  return text
    .replace('permit(principal, action, resource) ', '')
    .replace(/^when \{ (.*) \};$/s, '$1')
    .replace(/;$/, '')
}
