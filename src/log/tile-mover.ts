/**
 * Moves full tiles and entry bundles out of the database. An entry is committed there first, as ever; what is full
 * is copied, read back, compared, and only then removed from the database. A crash at any moment leaves it in at
 * least one of the two, and doing it again changes nothing.
 *
 * @packageDocumentation
 */
import { rootOf } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import { mapConcurrent } from '../basics/map-concurrent.ts'
import { serializeEntryBundle } from './entry-bundle.ts'
import type { LogReader, StoredCheckpoint } from './log-records.ts'
import { assertArchived, rootOfTile } from './moved-leaves.ts'
import { publishCheckpoint, readPublished } from './published-checkpoint.ts'
import { isBundleOf, type TileArchive } from './tile-archive.ts'
import { putTile, type TileWriter } from './tile-writer.ts'
import { splitTile, TILE_WIDTH } from './tiles.ts'

/** What is moved, and where to. */
export interface TileMoverOptions {
  readonly log: LogReader
  /** Name of the log: a place that has another is never written to. */
  readonly origin: string
  readonly archive: TileArchive
  readonly writer: TileWriter
  /** Removes leaves from the database, unless others begin with another leaf by now. */
  readonly forget: (start: number, end: number) => Promise<boolean>
}

/** What one pass did. */
export interface MovedTiles {
  /** Entries that this pass moved. */
  readonly entries: number
  /** Entries that are outside of the database now. */
  readonly total: number
}

/** Bundles that are copied at once, and forgotten in one transaction. */
const BATCH = 4

/** Moves the tiles of one log. */
export class TileMover {
  readonly #options: TileMoverOptions
  /** What was published a pass ago: all that it covers rests, and no append needs it any more. */
  #due: StoredCheckpoint | undefined
  /** Partial tiles of the two newest checkpoints. */
  #partial: readonly (readonly string[])[] = []

  constructor(options: TileMoverOptions) {
    this.#options = options
  }

  /**
   * Moves what was covered by the newest checkpoint at the pass before, and publishes that checkpoint beside it.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the database is damaged, or the place has other tiles;
   * ERR_STORE_BEHIND — the place has a longer log; ERR_CONFIG_INVALID — it has another log; ERR_STORE_UNAVAILABLE
   */
  async run(signal: AbortSignal): Promise<MovedTiles> {
    const { archive, log, origin } = this.#options
    const due = this.#due
    this.#due = await log.checkpoint()
    if (due === undefined) return { entries: 0, total: await log.moved() }
    const published = await readPublished(archive.storage, { log, origin })
    if (published === undefined) await assertArchived(log, archive)
    const end = due.size - (due.size % TILE_WIDTH)
    const entries = await this.#move(end, signal)
    if (!signal.aborted) await this.#publish(due, published)
    return { entries, total: await log.moved() }
  }

  async #move(end: number, signal: AbortSignal): Promise<number> {
    const { forget, log } = this.#options
    let moved = 0
    for (let start = await log.moved(); start < end && !signal.aborted;) {
      const next = Math.min(start + BATCH * TILE_WIDTH, end)
      const bundles = Array.from(
        { length: (next - start) / TILE_WIDTH },
        (_, place) => start / TILE_WIDTH + place,
      )
      await mapConcurrent(bundles, BATCH, (bundle) => this.#copy(bundle))
      // Otherwise another replica was faster, and goes on itself.
      if (!(await forget(start, next))) return moved
      moved += next - start
      start = next
    }
    return moved
  }

  /** Copies a bundle, its tile, and every tile above that is full with it. */
  async #copy(index: number): Promise<void> {
    const { log, writer } = this.#options
    const start = index * TILE_WIDTH
    const tile = (await log.tile(0, index)) ?? new Uint8Array()
    const leaves = await log.entries(start, start + TILE_WIDTH)
    const root = await rootOfTile(log, index)
    const isWhole = isBundleOf(leaves, tile) && Buffer.from(rootOf(splitTile(tile))).equals(root)
    if (!isWhole) throw damaged(index)
    await putTile(
      writer,
      { level: 'entries', index, width: TILE_WIDTH },
      serializeEntryBundle(leaves),
    )
    await putTile(writer, { level: 0, index, width: TILE_WIDTH }, tile)
    let count = index + 1
    for (let level = 1; count % TILE_WIDTH === 0; level += 1) {
      count /= TILE_WIDTH
      const above = await log.tile(level, count - 1)
      if (above === undefined) throw damaged(index)
      await putTile(writer, { level, index: count - 1, width: TILE_WIDTH }, above)
    }
  }

  async #publish(
    due: StoredCheckpoint,
    published: Awaited<ReturnType<typeof readPublished>>,
  ): Promise<void> {
    const { log, writer } = this.#options
    const written = await publishCheckpoint(writer, { log, due, published })
    if (written === undefined) return
    const [latest = [], earlier = []] = this.#partial
    this.#partial = [written, latest]
    for (const path of earlier) {
      if (latest.includes(path) || written.includes(path)) continue
      // What is left costs some space, and is in no reader's way.
      await writer.storage.remove(path).catch(() => undefined)
    }
  }
}

function damaged(index: number): CountersignError {
  const message = `bundle ${index} of the log is damaged in the database, and stays there`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'the database was changed by hand: verify the log, and restore the database from a backup',
    reason: 'log-damaged',
    details: { tile: index },
  })
}
