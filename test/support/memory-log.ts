/**
 * A log in memory that behaves as one in a database: transactions one after the other, all or nothing,
 * and writing only with the head locked.
 *
 * @packageDocumentation
 */
import { blockOf, scopeOf } from '../../src/log/label-scope.ts'
import type {
  LogHead,
  LogReader,
  LogRecords,
  StoredCheckpoint,
  StoredEntry,
  StoredTile,
} from '../../src/log/log-records.ts'
import { EMPTY_ROOT } from '../../src/crypto/merkle.ts'

interface LogState {
  head: LogHead
  checkpoint: StoredCheckpoint | undefined
  witnessed: StoredCheckpoint | undefined
  readonly entries: StoredEntry[]
  readonly tiles: Map<string, Uint8Array>
}

/** What a transaction of {@link MemoryLog} works with. */
export interface MemoryTransaction {
  readonly log: LogRecords
  readonly transparencyLog: LogRecords
}

function emptyLog(): LogState {
  return {
    head: { size: 0, root: EMPTY_ROOT, latest: undefined },
    checkpoint: undefined,
    witnessed: undefined,
    entries: [],
    tiles: new Map(),
  }
}

/** Both logs in memory. */
export class MemoryLog {
  #state = emptyLog()
  #transparency = emptyLog()
  #last: Promise<unknown> = Promise.resolve()
  /** Transactions that were committed. */
  commits = 0
  /** Runs before each commit: a test lets it wait or fail. */
  beforeCommit: () => Promise<void> = () => Promise.resolve()

  /** Reads the audit log. */
  get log(): LogReader {
    return readerOf(() => this.#state)
  }

  /** Reads the transparency log. */
  get transparencyLog(): LogReader {
    return readerOf(() => this.#transparency)
  }

  /** Runs work alone; what it wrote is kept if it fulfils. */
  transaction<T>(work: (records: MemoryTransaction) => Promise<T>): Promise<T> {
    const run = this.#last.then(async () => {
      const [state, transparency] = [copyOf(this.#state), copyOf(this.#transparency)]
      const lock: Lock = { isHeld: false }
      const result = await work({
        log: recordsOf(state, lock),
        transparencyLog: recordsOf(transparency, lock),
      })
      await this.beforeCommit()
      this.#state = state
      this.#transparency = transparency
      this.commits += 1
      return result
    })
    this.#last = run.catch(() => undefined)
    return run
  }

  /** Changes stored entries behind the service's back, as the owner of the database can. */
  tamper(change: (state: LogState, transparency: LogState) => void): void {
    change(this.#state, this.#transparency)
  }
}

function copyOf({ entries, tiles, ...rest }: LogState): LogState {
  return { ...rest, entries: [...entries], tiles: new Map(tiles) }
}

/** The head of the audit log is the lock of both. */
interface Lock {
  isHeld: boolean
}

function readerOf(state: () => LogState): LogReader {
  return {
    head: () => Promise.resolve(state().head),
    tile: (level, index) => Promise.resolve(state().tiles.get(`${level}/${index}`)),
    entries: (start, end) =>
      Promise.resolve(
        state()
          .entries.slice(start, end)
          .map(({ data }) => data),
      ),
    find: (label, { limit, before = Infinity }) =>
      Promise.resolve(
        placesOf(state().entries, label)
          .filter((place) => place < before)
          .slice(0, limit),
      ),
    checkpoint: () => Promise.resolve(state().checkpoint),
    witnessed: () => Promise.resolve(state().witnessed),
    moved: () => Promise.resolve(0),
  }
}

/** Newest first; as of a store, blocks where the label is frequent. */
function placesOf(entries: readonly StoredEntry[], label: string): readonly number[] {
  const found = entries.filter(({ labels }) => labels.includes(label)).map(({ index }) => index)
  const places = scopeOf(label) === 'frequent' ? found.map(blockOf) : found
  return [...new Set(places)].toReversed()
}

function recordsOf(state: LogState, lock: Lock): LogRecords {
  const write = (change: () => void): Promise<void> => {
    if (!lock.isHeld) throw new Error('the head is not locked')
    change()
    return Promise.resolve()
  }
  return {
    ...readerOf(() => state),
    lockHead: () => {
      lock.isHeld = true
      return Promise.resolve(state.head)
    },
    insertEntries: (entries) =>
      write(() => {
        for (const entry of entries) {
          if (entry.index !== state.entries.length) throw new Error(`entry ${entry.index} is taken`)
          state.entries.push(entry)
        }
      }),
    putTiles: (tiles: readonly StoredTile[]) =>
      write(() => {
        for (const { level, index, hashes } of tiles) state.tiles.set(`${level}/${index}`, hashes)
      }),
    putHead: (head) =>
      write(() => {
        state.head = head
      }),
    forgetMoved: () => Promise.resolve(false),
    dropCheckpoint: () => {
      state.checkpoint = undefined
      state.witnessed = undefined
      return Promise.resolve()
    },
    putCosigned: (checkpoint, isWitnessed) => {
      const isLast = (kept: StoredCheckpoint | undefined) => (kept?.size ?? -1) <= checkpoint.size
      if (isLast(state.checkpoint)) state.checkpoint = checkpoint
      if (isWitnessed && isLast(state.witnessed)) state.witnessed = checkpoint
      return Promise.resolve()
    },
    putCheckpoint: (checkpoint) => {
      const isLarger = checkpoint.size > (state.checkpoint?.size ?? -1)
      if (isLarger) state.checkpoint = checkpoint
      return Promise.resolve(isLarger)
    },
  }
}
