/**
 * Holds the audit log against the transparency log: both are written in one transaction, so the entries that
 * name a leaf name every leaf, each once and in order.
 *
 * @packageDocumentation
 */
import type { Checkpoint } from '../formats/checkpoint.ts'
import { contradiction } from './contradiction.ts'
import type { LogEntry } from './entry.ts'
import { type LogSource, readHashTile, type ReadOptions } from './source.ts'
import { splitTile, TILE_WIDTH, tileWidth } from './tiles.ts'

/** Entries of an audit log, in order, held against a transparency log that was verified. */
export class PairedLogs {
  readonly #source: LogSource
  readonly #size: number
  readonly #options: ReadOptions
  #next = 0
  #tile: readonly Uint8Array[] = []

  constructor(source: LogSource, { size }: Pick<Checkpoint, 'size'>, options: ReadOptions) {
    this.#source = source
    this.#size = size
    this.#options = options
  }

  /** Leaves that entries have named so far, those behind the checkpoint among them. */
  get named(): number {
    return this.#next
  }

  /**
   * Looks at the next entry.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it names another leaf than it must, or none; and
   * those of reading
   */
  async add(index: number, entry: LogEntry): Promise<void> {
    const isPaired =
      entry.type === 'state' || entry.type === 'signature' || entry.type === 'attestation'
    if (!isPaired) return
    const { publicEntry } = entry
    if (publicEntry === undefined)
      throw contradiction(index, 'it names no leaf of the transparency log')
    if (publicEntry.index !== this.#next) {
      const why = `it names leaf ${publicEntry.index} of the transparency log, and ${this.#next} comes next`
      throw contradiction(index, why)
    }
    this.#next += 1
    // Newer than the checkpoint of the transparency log: not proven yet.
    if (publicEntry.index >= this.#size) return
    const hash = await this.#leafHash(publicEntry.index)
    if (hash === publicEntry.leafSha256) return
    throw contradiction(index, `leaf ${publicEntry.index} of the transparency log is another one`)
  }

  async #leafHash(index: number): Promise<string> {
    const place = index % TILE_WIDTH
    if (place === 0) {
      const tile = Math.floor(index / TILE_WIDTH)
      const name = { level: 0, index: tile, width: tileWidth(this.#size, 0, tile) }
      this.#tile = splitTile(await readHashTile(this.#source, name, this.#options))
    }
    return Buffer.from(this.#tile[place] ?? []).toString('hex')
  }
}
