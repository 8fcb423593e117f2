/** Policies that are valid, and permit more than their author may think. */
import type { PolicyJson } from './cedar.ts'
import { collectNames } from './expression.ts'

/** Why a policy deserves a second look, and what to do. */
export interface PolicyWarning {
  readonly message: string
  readonly hint: string
}

/** Groups and actions of a permit that include attestations. */
const ATTESTING: ReadonlySet<string> = new Set(['attest', 'signing'])

/** Warns of a permit for attestations that says nothing of what may be attested. */
export function warnOf({ effect, action, conditions }: PolicyJson): PolicyWarning | undefined {
  if (effect !== 'permit' || !actionNames(action).some((name) => ATTESTING.has(name))) return
  const { attributes } = collectNames(conditions)
  if (attributes.has('predicateType') || attributes.has('provenance')) return
  return {
    message: 'permits attestations of every predicate type',
    hint: 'add context.provenance, or context.predicateType == "…", or permit action "sign" alone',
  }
}

/** Names in the scope; a scope without an action covers all. */
function actionNames(action: PolicyJson['action']): readonly string[] {
  if (action.op === 'All') return ['attest']
  const entities =
    'entities' in action ? action.entities : 'entity' in action ? [action.entity] : []
  return entities.map((entity) => ('__entity' in entity ? entity.__entity.id : entity.id))
}
