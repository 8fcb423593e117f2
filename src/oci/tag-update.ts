/**
 * Changing what a moving tag names, without losing what others add at the same time. Registries offer
 * no lock and most ignore `If-Match`, so a write proves nothing: it is read back, and made again on
 * top of what is found, until two reads in a row hold it.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { TaggedManifest, TagStore } from './artifact-store.ts'
import type { Runtime } from '../basics/runtime.ts'

/** Reads and moves tags. */
export type MovingTags = Pick<TagStore, 'readTag' | 'writeTag'>

/** One addition to what a tag names. */
export interface TagChange {
  readonly tag: string
  /** Whether the addition is there; throws where the tag holds something foreign. */
  readonly isIn: (current: TaggedManifest | undefined) => boolean
  /** The manifest to write, with the addition; keeps all that any earlier reading held. */
  readonly addTo: (current: TaggedManifest | undefined) => Promise<TaggedManifest>
  /** The error after too many tries. */
  readonly conflict: (tries: number) => CountersignError
  readonly signal?: AbortSignal | undefined
}

const MAX_TRIES = 30
const READS_IN_A_ROW = 2
/** Shortest pause; longer than a competitor normally needs from its reading to its writing. */
const PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000

/**
 * Guarantees that the addition is there: by the store's word where its writes are certain, else read
 * back twice in a row, a pause apart. Pauses are random and grow
 * with every lost write, so that competitors drift apart.
 *
 * @throws {@link CountersignError} the change's `conflict` after 30 readings
 */
export async function updateTag(
  store: MovingTags,
  change: TagChange,
  { pause, random }: Pick<Runtime, 'pause' | 'random'>,
): Promise<void> {
  const { tag, signal } = change
  let writes = 0
  let seen = 0
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const current = await readTag(store, change, writes)
    seen = change.isIn(current) ? seen + 1 : 0
    if (seen === READS_IN_A_ROW) return
    if (seen === 0) {
      const next = await change.addTo(current)
      const outcome = await store.writeTag(tag, next, { expected: current, signal })
      if (outcome === 'moved') return
      writes += 1
    }
    const spread = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** writes)
    await pause(PAUSE_MS + random() * spread, signal)
  }
  throw change.conflict(MAX_TRIES)
}

/**
 * Some registries answer 403 for a tag that is missing. Before the first write it counts as missing; a
 * tag that stays unreadable is never taken for written.
 */
async function readTag(
  store: MovingTags,
  { tag, signal }: TagChange,
  writes: number,
): Promise<TaggedManifest | undefined> {
  try {
    return await store.readTag(tag, { signal })
  } catch (error) {
    const isDenied = CountersignError.is(error, 'ERR_NOT_ALLOWED')
    if (isDenied && writes === 0 && error.details['status'] === 403) return undefined
    throw error
  }
}
