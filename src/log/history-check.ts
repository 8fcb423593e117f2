/**
 * What the entries of a log must say taken together: a log can be whole and still tell of something
 * that must not be.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { LogEntry, StateEntry } from './entry.ts'

/** How far an entry's time may lie before that of an earlier one: clock skew and waiting. */
const DEFAULT_SKEW_MS = 120_000

interface Place {
  readonly index: number
  readonly what: string
}

/**
 * Follows the entries in order: no version signs after it was revoked or destroyed, times go back by no
 * more than the skew of clocks, and the sequence of publications only grows.
 */
export class HistoryCheck {
  readonly #skewMs: number
  #latest = -Infinity
  #last: { readonly index: number; readonly sequence: number } | undefined
  /** Versions that may sign no more, by kid. */
  readonly #ended = new Map<string, Place>()

  constructor(skewMs: number = DEFAULT_SKEW_MS) {
    this.#skewMs = skewMs
  }

  /**
   * Looks at the next entry.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it must not be there
   */
  add(index: number, entry: LogEntry): void {
    this.#checkTime(index, entry.time)
    if (entry.type === 'state') this.#addState(index, entry)
    else if ('key' in entry) this.#checkSigner(index, entry)
  }

  #checkTime(index: number, time: Date): void {
    if (time.getTime() < this.#latest - this.#skewMs) {
      const latest = new Date(this.#latest).toISOString()
      throw contradiction(index, `it is of ${time.toISOString()}, and one before it of ${latest}`)
    }
    this.#latest = Math.max(this.#latest, time.getTime())
  }

  #addState(index: number, { to, key, sequence }: StateEntry): void {
    const last = this.#last
    // The entries of one change stand together and share a number.
    const isSameChange = last?.index === index - 1 && last.sequence === sequence
    if (last !== undefined && sequence <= last.sequence && !isSameChange) {
      const why = `its sequence is ${sequence}, and that of entry ${last.index} before it ${last.sequence}`
      throw contradiction(index, why)
    }
    this.#last = { index, sequence }
    if (to === 'revoked' || to === 'destroyed') this.#ended.set(key.kid, { index, what: to })
  }

  #checkSigner(index: number, { type, key }: Extract<LogEntry, { readonly key: object }>): void {
    const end = this.#ended.get(key.kid)
    if (end === undefined) return
    const version = `version ${key.version} of "${key.name}"`
    const why = `a ${type} by ${version}, which entry ${end.index} says is ${end.what}`
    throw contradiction(index, why)
  }
}

function contradiction(index: number, why: string): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `entry ${index} must not be there: ${why}`, {
    hint: 'ask the owner of the log what happened there',
    details: { entry: index },
  })
}
