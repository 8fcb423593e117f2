/** Proofs that a leaf is in a log: hashes up to the root that a signed checkpoint states. */
import { CountersignError } from '../errors.ts'
import type { ProvenLeaf } from '../formats/log-entry.ts'
import type { PublicEntry } from './entry.ts'
import type { LogReader } from './log-records.ts'
import { leafHash, verifyInclusion } from '../crypto/merkle.ts'
import { proveInclusion } from './proofs.ts'
import { nodesOfTiles, type TreeEdge } from './tiles.ts'
import type { QuorumWait, SignedTreeHead } from './quorum-wait.ts'
import type { TreeSigner } from './tree-signer.ts'

/** Proves a leaf that was appended since the edge was settled; reads nothing. */
export function proveAtEdge(edge: TreeEdge, index: number): Promise<readonly Uint8Array[]> {
  return proveInclusion(index, edge.size, (level, at) => Promise.resolve(edge.node(level, at)))
}

/**
 * Proves a leaf of a stored log as of now, under a checkpoint of now; with `witness` under one that the quorum
 * cosigned.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — there is no such leaf, or it is not the one that the
 * tree has; and those of the signer and the store
 */
export async function proveStoredLeaf(
  log: LogReader,
  signer: TreeSigner,
  { index, leafSha256 }: PublicEntry,
  witness?: QuorumWait,
): Promise<ProvenLeaf> {
  const { size, root } = await signer.readHead(log)
  const [leaf] = await log.entries(index, index + 1)
  const isIt = leaf !== undefined && Buffer.from(leafHash(leaf)).toString('hex') === leafSha256
  if (!isIt || index >= size) throw notThatLeaf(index)
  const signed = { ...(await signer.sign({ size, root })), root }
  const covering = witness === undefined ? signed : await witness.forQuorum(signed)
  return proveUnder(log, covering, { leaf, index })
}

/**
 * Proves a leaf under a checkpoint of a stored log.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — its tree does not have that leaf there
 */
export async function proveUnder(
  log: LogReader,
  { keyId, note: checkpoint, root, size }: SignedTreeHead,
  { leaf, index }: Pick<ProvenLeaf, 'leaf' | 'index'>,
): Promise<ProvenLeaf> {
  const node = nodesOfTiles((level, tile) => log.tile(level, tile))
  const hashes = await proveInclusion(index, size, node)
  verifyInclusion({ index, size, leaf: leafHash(leaf), root, proof: hashes })
  return { leaf, index, size, root, hashes, checkpoint, keyId }
}

function notThatLeaf(index: number): CountersignError {
  const message = `the transparency log has not the leaf at ${index} that the audit log names`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'the database was changed by hand: verify the log, and restore the database from a backup',
    reason: 'log-damaged',
    details: { entry: index },
  })
}
