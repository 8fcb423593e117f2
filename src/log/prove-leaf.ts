/**
 * Proving a leaf of a log that is read from outside: finds where it is, and makes the proof from the tiles up to
 * the newest checkpoint. Nothing that is read is trusted; what comes out is verified.
 *
 * @packageDocumentation
 */
import { assertNotCancelled } from '../basics/cancellation.ts'
import { leafHash, verifyInclusion } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import { type Checkpoint, type LogIdentity, openCheckpoint } from '../formats/checkpoint.ts'
import type { TlogProof } from '../formats/tlog-proof.ts'
import { CHECKPOINT_PATH, WITNESSED_PATH } from './paths.ts'
import { proveInclusion } from './proofs.ts'
import { readAhead } from './read-ahead.ts'
import { type LogSource, readHashTile, type ReadOptions } from './source.ts'
import { nodesOfTiles, splitTile, TILE_WIDTH, tileWidth } from './tiles.ts'

/** Which leaf is proven, and where. */
export interface ProveLeafOptions extends ReadOptions {
  readonly source: LogSource
  readonly log: LogIdentity
  readonly leaf: Uint8Array
  /** Where it may be, as others state: tried before the whole log is searched. */
  readonly hints: readonly number[]
}

/** A proof that was verified, and the checkpoint that it leads to. */
export interface ProvenInLog {
  readonly proof: TlogProof
  readonly checkpoint: Checkpoint
}

/**
 * Proves a leaf under the newest checkpoint of a log that witnesses cosigned or, where none has it, under the newest.
 *
 * @returns undefined where it may be behind the checkpoint, by a hint: the next one may have it
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the log has no such leaf, or is not what its key signed;
 * ERR_NOTE_INVALID — the checkpoint; and those of reading
 */
export async function proveLeaf(options: ProveLeafOptions): Promise<ProvenInLog | undefined> {
  const newest = await readSigned(CHECKPOINT_PATH, options)
  if (newest === undefined) throw noCheckpoint(options.source)
  const leaf = leafHash(options.leaf)
  const index = await findLeaf(leaf, newest.checkpoint.size, options)
  if (index === 'later') return undefined
  if (index === undefined) throw notInLog(newest.checkpoint)
  const witnessed = await readSigned(WITNESSED_PATH, options)
  const isCovered = witnessed !== undefined && index < witnessed.checkpoint.size
  return proveUnder(isCovered ? witnessed : newest, { index, leaf }, options)
}

interface SignedTree {
  readonly note: Uint8Array
  readonly checkpoint: Checkpoint
}

async function readSigned(
  path: string,
  options: ProveLeafOptions,
): Promise<SignedTree | undefined> {
  const note = await options.source.read(path, options)
  return note && { note, checkpoint: openCheckpoint(note, options.log) }
}

async function proveUnder(
  { note, checkpoint }: SignedTree,
  { index, leaf }: { readonly index: number; readonly leaf: Uint8Array },
  options: ProveLeafOptions,
): Promise<ProvenInLog> {
  const { size, root } = checkpoint
  const node = nodesOfTiles((level, tile) => {
    const width = tileWidth(size, level, tile)
    return readHashTile(options.source, { level, index: tile, width }, options)
  })
  const hashes = await proveInclusion(index, size, node)
  verifyInclusion({ index, size, root, leaf, proof: hashes })
  const text = Buffer.from(note).toString()
  return { proof: { extra: undefined, index, hashes, checkpoint: text }, checkpoint }
}

/** Looks where it is said to be, then through all hashes of leaves, from the newest back. */
async function findLeaf(
  leaf: Uint8Array,
  size: number,
  options: ProveLeafOptions,
): Promise<number | 'later' | undefined> {
  const { source, hints, signal } = options
  const readTile = async (index: number): Promise<readonly Uint8Array[]> => {
    const name = { level: 0, index, width: tileWidth(size, 0, index) }
    return splitTile(await readHashTile(source, name, options))
  }
  const isLeaf = (hash: Uint8Array | undefined): boolean =>
    hash !== undefined && Buffer.from(hash).equals(leaf)
  for (const hint of hints.filter((index) => index < size)) {
    const hashes = await readTile(Math.floor(hint / TILE_WIDTH))
    if (isLeaf(hashes[hint % TILE_WIDTH])) return hint
  }
  if (hints.some((hint) => hint >= size)) return 'later'
  const tiles = readAhead(tilesFromLast(size), async (index) => ({
    index,
    place: (await readTile(index)).findIndex(isLeaf),
  }))
  for await (const { index, place } of tiles) {
    assertNotCancelled(signal)
    if (place !== -1) return index * TILE_WIDTH + place
  }
  return undefined
}

function* tilesFromLast(size: number): Generator<number, void, undefined> {
  for (let index = Math.ceil(size / TILE_WIDTH) - 1; index >= 0; index -= 1) yield index
}

function noCheckpoint({ name }: LogSource): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `no checkpoint in ${name}`, {
    hint: 'check that this is the location of a log',
  })
}

function notInLog({ origin, size }: Checkpoint): CountersignError {
  const message = `none of the ${size} entries of ${origin} is about this signature`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'a signature that the service released is in its log: was this one made past the service, or with another?',
  })
}
