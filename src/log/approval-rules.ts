/** Rules of approval as the log records them. */
import type { ApprovalRules } from './entry.ts'

/** Where the log names no rules, nothing needs approval. */
export const NO_RULES: ApprovalRules = { required: 1, actions: [] }

/** One form for rules that ask for the same. */
export function normalRules({ required, actions }: ApprovalRules): ApprovalRules {
  if (required <= 1 || actions.length === 0) return NO_RULES
  return { required, actions: [...new Set(actions)].toSorted() }
}

/** Rules that ask for what either of two asks for. */
export function stricterRules(one: ApprovalRules, other: ApprovalRules): ApprovalRules {
  const [a, b] = [normalRules(one), normalRules(other)]
  const required = Math.max(a.required, b.required)
  return normalRules({ required, actions: [...a.actions, ...b.actions] })
}
