/**
 * Holds the audit log against the transparency log: both are written in one transaction, so the entries that
 * name a leaf name every leaf, each once and in order, and both record the same.
 *
 * @packageDocumentation
 */
import { leafHash } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import type { Checkpoint } from '../formats/checkpoint.ts'
import { contradiction } from './contradiction.ts'
import type { PublicEntry } from './entry.ts'
import type { EntryContent } from './entry-format.ts'
import { assertLeafAgrees } from './leaf-agreement.ts'
import { LeafReader } from './read-leaf.ts'
import { type LogSource, readEntries, type ReadOptions } from './source.ts'
import { TILE_WIDTH, tileWidth, TreeEdge } from './tiles.ts'

/** What of a checkpoint the logs are held against. */
export type PairedTree = Pick<Checkpoint, 'size' | 'root'>

/** Entries of an audit log, in order, held against the tree of a transparency log. */
export class PairedLogs {
  readonly #source: LogSource
  readonly #tree: PairedTree
  readonly #options: ReadOptions
  /** Of the leaves that entries have named, as far as the checkpoint goes. */
  readonly #edge = new TreeEdge()
  readonly #reader = new LeafReader()
  #next = 0
  /** Leaves of one bundle. */
  #leaves: readonly Uint8Array[] = []

  constructor(source: LogSource, tree: PairedTree, options: ReadOptions) {
    this.#source = source
    this.#tree = tree
    this.#options = options
  }

  /** Leaves that entries have named so far, those behind the checkpoint among them. */
  get named(): number {
    return this.#next
  }

  /** Whether entries have named every leaf that the checkpoint covers. */
  get isComplete(): boolean {
    return this.#next >= this.#tree.size
  }

  /**
   * Looks at the next entry.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it names another leaf than it must, or none, or
   * the leaf records another event; and
   * those of reading
   */
  async add(index: number, content: EntryContent): Promise<void> {
    const publicEntry = namedBy(index, content)
    if (publicEntry === undefined) return
    if (publicEntry.index !== this.#next) {
      const why = `it names leaf ${publicEntry.index} of the transparency log, and ${this.#next} comes next`
      throw contradiction(index, why)
    }
    this.#next += 1
    // Newer than the checkpoint of the transparency log: not proven yet.
    if (publicEntry.index >= this.#tree.size) return
    const data = await this.#readLeaf(publicEntry.index)
    const hash = leafHash(data)
    const isSame = Buffer.from(hash).toString('hex') === publicEntry.leafSha256
    if (!isSame) {
      throw contradiction(index, `leaf ${publicEntry.index} of the transparency log is another one`)
    }
    if (content.kind === 'known') {
      assertLeafAgrees(index, content.entry, { data, reader: this.#reader })
    }
    this.#edge.append(hash)
    this.#edge.settle()
  }

  /**
   * Call it behind the last entry.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the transparency log has a leaf that no entry names, or
   * its checkpoint is of another tree than its tiles
   */
  end(): void {
    const { size, root } = this.#tree
    if (!this.isComplete) {
      throw unpaired(
        `the audit log has no entry about leaf ${this.#next} of the transparency log`,
        {
          leaf: this.#next,
        },
      )
    }
    if (Buffer.from(this.#edge.root()).equals(root)) return
    throw unpaired(`the checkpoint of the transparency log is not about its first ${size} leaves`, {
      size,
    })
  }

  async #readLeaf(index: number): Promise<Uint8Array> {
    const place = index % TILE_WIDTH
    if (place === 0) {
      const bundle = Math.floor(index / TILE_WIDTH)
      const width = tileWidth(this.#tree.size, 0, bundle)
      const name = { level: 'entries', index: bundle, width } as const
      this.#leaves = await readEntries(this.#source, name, this.#options)
    }
    return this.#leaves[place] ?? new Uint8Array()
  }
}

/** The leaf that an entry names. One of a later release may name one too, whatever else it says. */
function namedBy(index: number, content: EntryContent): PublicEntry | undefined {
  if (content.kind === 'unknown') return content.publicEntry
  const { entry } = content
  const isPaired =
    entry.type === 'state' || entry.type === 'signature' || entry.type === 'attestation'
  if (!isPaired) return undefined
  if (entry.publicEntry !== undefined) return entry.publicEntry
  throw contradiction(index, 'it names no leaf of the transparency log')
}

function unpaired(message: string, details: Readonly<Record<string, number>>): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'do not rely on these logs; keep copies of both, and ask their owner',
    details,
  })
}
