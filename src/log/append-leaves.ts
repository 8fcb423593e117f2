/** Appending leaves to one log, in a transaction that has its head. */
import { CountersignError } from '../errors.ts'
import type { LogHead, LogRecords } from './log-records.ts'
import { leafHash } from '../crypto/merkle.ts'
import { readTreeEdge, type TreeEdge } from './tiles.ts'

/** A leaf, and by which names it is found. */
export interface Leaf {
  readonly data: Uint8Array
  readonly labels: readonly string[]
}

/**
 * The right edge of the tree as the last append left it, so that the next one need not read and hash it
 * again. It is used where it leads to the root at hand, and so never after an append that was undone or
 * one of another replica.
 */
export interface EdgeMemory {
  edge?: TreeEdge
}

/** Leaves to append, and the latest time of the log afterwards. */
export interface LeavesToAppend {
  readonly leaves: readonly Leaf[]
  readonly latest: Date | undefined
}

/**
 * Appends leaves behind a head; answers the head behind them.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the stored tree is damaged
 */
export async function appendLeaves(
  records: LogRecords,
  head: LogHead,
  { leaves, latest }: LeavesToAppend,
  memory: EdgeMemory,
): Promise<LogHead> {
  const edge = isAt(memory.edge, head) ? memory.edge : await readEdge(records, head)
  memory.edge = edge
  edge.settle()
  const stored = leaves.map(({ data, labels }, place) => ({
    index: head.size + place,
    data,
    labels,
  }))
  const full = stored.flatMap(({ data }) => edge.append(leafHash(data)))
  await records.insertEntries(stored)
  await records.putTiles([...full, ...edge.partialTiles()])
  const next = { size: edge.size, root: edge.root(), latest }
  await records.putHead(next)
  return next
}

async function readEdge(records: LogRecords, head: LogHead): Promise<TreeEdge> {
  const edge = await readTreeEdge(head.size, (level, index) => records.tile(level, index))
  // A tile that does not lead to the root would have every later proof fail.
  if (!isAt(edge, head)) throw damaged(head)
  return edge
}

function isAt(edge: TreeEdge | undefined, { size, root }: LogHead): edge is TreeEdge {
  return edge?.size === size && Buffer.from(root).equals(edge.root())
}

function damaged({ size }: LogHead): CountersignError {
  const message = `the stored tiles of the log do not lead to its root at ${size} entries`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'the database was changed by hand: verify the log, and restore the database from a backup',
    reason: 'log-damaged',
    details: { size },
  })
}
