/** Follows what the log records of changes and approvals, for `/readyz`: what was not approved stands out. */
import { type CountersignError, toCountersignError } from '../../errors.ts'
import { ApprovalCheck } from '../../log/approval-check.ts'
import type { LogEntry } from '../../log/entry.ts'
import { openProvenLog } from '../../log/proven-entry.ts'
import type { LogReader } from '../../log/log-records.ts'
import type { Store } from '../../store/store.ts'

/** Labels of the entries that an approval can be missing from. */
const LABELS = ['type:rules', 'type:approval', 'type:state'] as const
const PAGE = 256

/** Reads each entry once; what it found stays found. */
export class ApprovalAudit {
  readonly #store: Pick<Store, 'log'>
  readonly #examined: ReadonlySet<unknown>
  readonly #check = new ApprovalCheck()
  /** Entries below it are checked; written by #follow alone. */
  #next = 0
  #problem: CountersignError | undefined
  /** The look that is under way or was the last; never rejects. */
  #following: Promise<unknown> = Promise.resolve()

  /** @param examined - entries that the operator has dealt with */
  constructor(store: Pick<Store, 'log'>, examined: readonly number[]) {
    this.#store = store
    this.#examined = new Set<unknown>(examined)
  }

  /**
   * Makes sure that the log has the approvals of all changes that needed them.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it lacks one; names the first entry
   */
  async assertComplete(): Promise<void> {
    const looking = this.#following.then(() => this.#follow())
    this.#following = looking.catch(() => undefined)
    await looking
    if (this.#problem !== undefined) throw this.#problem
  }

  async #follow(): Promise<void> {
    const { log } = this.#store
    // What is appended meanwhile is left to the next look, so that no change is seen in part.
    const { size } = await log.head()
    const found = await Promise.all(
      LABELS.map((label) => findBetween(log, label, this.#next, size)),
    )
    const read = await openProvenLog(log)
    for (const index of found.flat().toSorted((a, b) => a - b)) {
      const entry = await read(index)
      this.#try(() => {
        this.#check.add(index, entry)
      })
    }
    this.#try(() => {
      this.#check.end()
    })
    this.#next = size
  }

  #try(check: () => void): void {
    try {
      check()
    } catch (thrown) {
      const error = toCountersignError(thrown)
      if (!this.#examined.has(error.details['entry'])) this.#problem ??= error
    }
  }
}

/** Indices of entries with a label, from `start` on and below `end`. */
async function findBetween(
  log: Pick<LogReader, 'find'>,
  label: `type:${LogEntry['type']}`,
  start: number,
  end: number,
): Promise<readonly number[]> {
  const found: number[] = []
  for (let before = end; before > start;) {
    const page = await log.find(label, { limit: PAGE, before })
    const wanted = page.filter((index) => index >= start)
    found.push(...wanted)
    const last = wanted.at(-1)
    if (last === undefined || wanted.length < PAGE) return found
    before = last
  }
  return found
}
