/**
 * Verifying the transparency log: its tree, and that no key version signs after it was revoked or destroyed,
 * and that its publications come in order.
 *
 * @packageDocumentation
 */
import type { Checkpoint } from '../formats/checkpoint.ts'
import { contradiction } from './contradiction.ts'
import type { StateFacts } from './entry.ts'
import { SkippedCount, type SkippedReport } from './later-release.ts'
import { type LeafContent, LeafReader } from './read-leaf.ts'
import { readAt, verifyTree, type VerifyTreeOptions } from './verify-tree.ts'

/** What is verified, and against what. */
export interface VerifyTransparencyOptions extends VerifyTreeOptions {
  /** Called with every change of a key version, in order. */
  readonly onState?: ((index: number, state: StateFacts) => void) | undefined
}

/** What was found. */
export interface TransparencyReport {
  readonly checkpoint: Checkpoint
  /** Leaves by kind. */
  readonly leaves: Readonly<Partial<Record<LeafContent['kind'], number>>>
  /** What a later release added; undefined: nothing. */
  readonly skipped: SkippedReport | undefined
}

/**
 * Verifies a transparency log from its first leaf to its newest checkpoint. What is wrong first is named.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — with the leaf or tile in the details;
 * ERR_NOTE_INVALID — the checkpoint; ERR_FORMAT_UNSUPPORTED — a leaf of a later version, which may not be
 * skipped; and those of reading the source
 */
export async function verifyTransparencyLog(
  options: VerifyTransparencyOptions,
): Promise<TransparencyReport> {
  const reader = new LeafReader()
  const order = new LeafOrder()
  const counts: Partial<Record<LeafContent['kind'], number>> = {}
  const skipped = new SkippedCount()
  const checkpoint = await verifyTree(options, (index, data) => {
    const leaf = readAt('leaf', index, () => reader.read(data))
    order.add(index, leaf)
    counts[leaf.kind] = (counts[leaf.kind] ?? 0) + 1
    if (leaf.kind === 'unknown') skipped.addEntry(index, leaf.why)
    else skipped.addMembers(index, leaf.skipped)
    if (leaf.kind === 'state') options.onState?.(index, leaf.state)
  })
  return { checkpoint, leaves: counts, skipped: skipped.report() }
}

/** What leaves must say taken together. */
class LeafOrder {
  #last: { readonly index: number; readonly sequence: number } | undefined
  /** Versions that may sign no more, by kid: the leaf that says so. */
  readonly #ended = new Map<string, number>()

  add(index: number, leaf: LeafContent): void {
    if (leaf.kind === 'state') this.#addState(index, leaf.state)
    if (leaf.kind !== 'signature') return
    const end = this.#ended.get(leaf.kid)
    if (end === undefined) return
    throw contradiction(index, `a signature by kid ${leaf.kid}, which leaf ${end} says has ended`)
  }

  #addState(index: number, { to, key, sequence }: StateFacts): void {
    const last = this.#last
    // The leaves of one change stand together and share a number.
    const isSameChange = last?.index === index - 1 && last.sequence === sequence
    if (last !== undefined && sequence <= last.sequence && !isSameChange) {
      const why = `its sequence is ${sequence}, and that of leaf ${last.index} before it ${last.sequence}`
      throw contradiction(index, why)
    }
    this.#last = { index, sequence }
    if (to === 'revoked' || to === 'destroyed') this.#ended.set(key.kid, index)
  }
}
