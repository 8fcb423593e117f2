/** Finding entries by a label: the index says where they may be, and what is read there decides. */
import { CountersignError } from '../errors.ts'
import { LABEL_BLOCK, scopeOf } from './label-scope.ts'
import type { LogReader } from './log-records.ts'

/** A leaf and its place. */
export interface FoundLeaf {
  readonly index: number
  readonly data: Uint8Array
}

/** What to look for. */
export interface LeafQuery {
  readonly label: string
  /** Labels of a leaf of this log. */
  readonly labelsOf: (data: Uint8Array) => readonly string[]
  /** Only entries before this one. */
  readonly before?: number | undefined
}

/** Places that are asked for at once. */
const PAGE = 64

/**
 * Finds leaves by a label, the newest first.
 *
 * @throws {@link CountersignError} those of the store
 */
export async function* findLeaves(
  log: Pick<LogReader, 'find' | 'entries'>,
  { before = Number.MAX_SAFE_INTEGER, label, labelsOf }: LeafQuery,
): AsyncGenerator<FoundLeaf, void, undefined> {
  const width = scopeOf(label) === 'frequent' ? LABEL_BLOCK : 1
  for (let end = before; ;) {
    const places = await log.find(label, { limit: PAGE, before: end })
    for (const start of places) {
      const leaves = await log.entries(start, Math.min(start + width, before))
      const found = leaves.map((data, place) => ({ index: start + place, data }))
      yield* found.filter(({ data }) => hasLabel(data, label, labelsOf)).toReversed()
    }
    const last = places.at(-1)
    if (last === undefined || places.length < PAGE) return
    end = last
  }
}

/** One of a later release may have any label, and a decision that rests on it must see it. */
function hasLabel(data: Uint8Array, label: string, labelsOf: LeafQuery['labelsOf']): boolean {
  try {
    return labelsOf(data).includes(label)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_FORMAT_UNSUPPORTED')) return true
    if (CountersignError.is(error)) return false
    throw error
  }
}
