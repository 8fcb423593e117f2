/**
 * What the entries of a log must say taken together: a log can be whole and still record something
 * that must not be.
 *
 * @packageDocumentation
 */
import { ApprovalCheck } from './approval-check.ts'
import { contradiction } from './contradiction.ts'
import type { LogEntry, StateEntry } from './entry.ts'

/** How far an entry's time may lie before that of an earlier one: clock skew and waiting. */
const DEFAULT_SKEW_MS = 120_000

interface Place {
  readonly index: number
  readonly what: string
}

/**
 * Follows the entries in order: no version signs after it was revoked or destroyed, times go back by no
 * more than the skew of clocks (except to an entry that sets the time right, or one of a revocation), the
 * sequence of publications only grows, and what needed approvals has them.
 */
export class HistoryCheck {
  readonly #skewMs: number
  #latest = -Infinity
  #last: { readonly index: number; readonly sequence: number } | undefined
  /** Sequence of the last revocation. */
  #revocation: number | undefined
  /** Versions that may sign no more, by kid. */
  readonly #ended = new Map<string, Place>()
  readonly #approvals = new ApprovalCheck()

  constructor(skewMs: number = DEFAULT_SKEW_MS) {
    this.#skewMs = skewMs
  }

  /**
   * Looks at the next entry.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it must not be there
   */
  add(index: number, entry: LogEntry): void {
    this.#approvals.add(index, entry)
    if (entry.type === 'clock') this.#latest = entry.time.getTime()
    else if (!this.#isOfRevocation(entry)) this.#checkTime(index, entry.time)
    if (entry.type === 'restore') this.#checkSequence(index, entry)
    if (entry.type === 'state') this.#addState(index, entry)
    else if ('key' in entry) this.#checkSigner(index, entry)
  }

  /**
   * Call it behind the last entry.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the last change must not be there
   */
  end(): void {
    this.#approvals.end()
  }

  /** A revocation is made whatever the clock shows, so the times of its entries may go back. */
  #isOfRevocation(entry: LogEntry): boolean {
    if (entry.type === 'approval') return entry.action === 'revokeKey'
    if (entry.type !== 'state') return false
    if (entry.action === 'revoke') this.#revocation = entry.sequence
    // A version that is created for it comes before it, and signs nothing by that.
    return entry.action === 'create' || entry.sequence === this.#revocation
  }

  #checkTime(index: number, time: Date): void {
    if (time.getTime() < this.#latest - this.#skewMs) {
      const latest = new Date(this.#latest).toISOString()
      throw contradiction(index, `it is of ${time.toISOString()}, and one before it of ${latest}`)
    }
    this.#latest = Math.max(this.#latest, time.getTime())
  }

  #addState(index: number, entry: StateEntry): void {
    this.#checkSequence(index, entry)
    const { to, key } = entry
    if (to === 'revoked' || to === 'destroyed') this.#ended.set(key.kid, { index, what: to })
  }

  #checkSequence(index: number, { sequence }: { readonly sequence: number }): void {
    const last = this.#last
    // The entries of one change stand together and share a number.
    const isSameChange = last?.index === index - 1 && last.sequence === sequence
    if (last !== undefined && sequence <= last.sequence && !isSameChange) {
      const why = `its sequence is ${sequence}, and that of entry ${last.index} before it ${last.sequence}`
      throw contradiction(index, why)
    }
    this.#last = { index, sequence }
  }

  #checkSigner(index: number, { type, key }: Extract<LogEntry, { readonly key: object }>): void {
    const end = this.#ended.get(key.kid)
    if (end === undefined) return
    const version = `version ${key.version} of "${key.name}"`
    const why = `a ${type} by ${version}, which entry ${end.index} says is ${end.what}`
    throw contradiction(index, why)
  }
}
