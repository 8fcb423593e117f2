/**
 * Holds the entries of a log against the rules of approval that it records: no approval is used without the
 * agreements it needs, and no change that a caller made goes without an approval that the rules asked for.
 *
 * @packageDocumentation
 */
import { actionsOf } from '../keys/protected-actions.ts'
import { NO_RULES, normalRules } from './approval-rules.ts'
import { contradiction } from './contradiction.ts'
import type { ApprovalEntry, ApprovalUseEntry, LogEntry, StateEntry } from './entry.ts'
import { followApproval, type LoggedApproval, nameCaller } from './logged-approval.ts'

/** A use, and the approval that it used. */
interface Use {
  readonly index: number
  readonly entry: ApprovalUseEntry
  readonly approval: LoggedApproval
}

/** State entries that were written together. */
interface LoggedChange {
  readonly start: number
  readonly states: readonly [StateEntry, ...StateEntry[]]
  /** The use right before them. */
  readonly use: Use | undefined
}

/** Follows the entries in order; those of other types may be left out. */
export class ApprovalCheck {
  #rules = NO_RULES
  #change: LoggedChange | undefined
  #lastUse: Use | undefined
  /** By id. */
  readonly #approvals = new Map<string, LoggedApproval>()

  /**
   * Checks the next entry, and the change that ends before it.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — an approval is missing
   */
  add(index: number, entry: LogEntry): void {
    const change = this.#change
    if (entry.type === 'state' && change !== undefined && isPartOf(change, index, entry)) {
      this.#change = { ...change, states: [...change.states, entry] }
      return
    }
    this.end()
    if (entry.type === 'state') {
      const use = this.#lastUse?.index === index - 1 ? this.#lastUse : undefined
      this.#change = { start: index, states: [entry], use }
    } else if (entry.type === 'rules') this.#rules = normalRules(entry.approvals)
    else if (entry.type === 'approval') this.#addStep(index, entry)
  }

  /**
   * Checks the change that ends with the entry before.
   *
   * @throws {@link CountersignError} as {@link add}
   */
  end(): void {
    const change = this.#change
    this.#change = undefined
    if (change !== undefined) this.#checkChange(change)
  }

  #addStep(index: number, entry: ApprovalEntry): void {
    const approval = followApproval(this.#approvals.get(entry.approvalId), index, entry)
    this.#approvals.set(entry.approvalId, approval)
    if (entry.step !== 'use') return
    if (entry.required < this.#rules.required) {
      const why = `it needs ${entry.required} approvals, and ${this.#rules.required} by the rules`
      throw contradiction(index, why)
    }
    this.#lastUse = { index, entry, approval }
  }

  #checkChange({ start, states, use }: LoggedChange): void {
    const [{ caller, key }] = states
    // The service's own steps are planned: its configuration is their approval.
    if (caller === undefined) return
    const steps = states.map(({ key: { version }, ...state }) => ({ ...state, version }))
    const needed = [...actionsOf(steps)].filter((action) => this.#rules.actions.includes(action))
    if (needed.length === 0) return
    if (isUseFor(states[0], use) && covers(use.approval, needed)) return
    const what = `${needed.join(', ')} of "${key.name}" needs ${this.#rules.required} approvals`
    throw contradiction(start, `${what}, and none was used for it`)
  }
}

/** Whether an approval was used in the very request that made a change. */
function isUseFor({ caller, key, requestId }: StateEntry, use: Use | undefined): use is Use {
  if (caller === undefined || use?.entry.caller === undefined) return false
  const isSameRequest =
    use.entry.requestId === requestId && nameCaller(use.entry.caller) === nameCaller(caller)
  return isSameRequest && use.approval.resource === key.name
}

function covers({ protectedActions }: LoggedApproval, needed: readonly string[]): boolean {
  return needed.every((action) => protectedActions.includes(action))
}

/** The entries of one change stand together. */
function isPartOf({ start, states }: LoggedChange, index: number, entry: StateEntry): boolean {
  const [first] = states
  const isNext = index === start + states.length && entry.key.name === first.key.name
  return isNext && entry.sequence === first.sequence && entry.requestId === first.requestId
}
