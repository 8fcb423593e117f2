/**
 * Verifying a whole tree: every leaf hashes to the tiles, the tiles to the root, the root is signed, and all
 * that was there at an earlier checkpoint is still there. Leaves stream by; what is kept is the right edge of
 * the tree.
 *
 * @packageDocumentation
 */
import { assertNotCancelled } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'
import { type Checkpoint, type LogIdentity, openCheckpoint } from '../formats/checkpoint.ts'
import { unsupportedFormat } from '../formats/versions.ts'
import { assertWitnessed, type WitnessDemand } from '../formats/witnesses.ts'
import type { StoredTile } from './log-records.ts'
import { leafHash } from '../crypto/merkle.ts'
import { CHECKPOINT_PATH, formatTilePath, type TileName, WITNESSED_PATH } from './paths.ts'
import { readAhead } from './read-ahead.ts'
import { type LogSource, readEntries, readHashTile, type ReadOptions } from './source.ts'
import { splitTile, TILE_WIDTH, tileWidth, TreeEdge } from './tiles.ts'

/** Which tree is verified, and against what. */
export interface VerifyTreeOptions extends ReadOptions {
  readonly source: LogSource
  readonly log: LogIdentity
  /** A checkpoint seen before: the log must still begin with what it covers. */
  readonly earlier?: Checkpoint | undefined
  /** Witnesses that must have cosigned the checkpoint up to which the tree is verified. */
  readonly witnesses?: WitnessDemand | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** Looks at a leaf that is in the tree, in order; what it throws ends the verification. */
export type LookAtLeaf = (index: number, data: Uint8Array) => unknown

/**
 * Verifies a tree from its first leaf to its newest checkpoint, and answers that. What is wrong first is named.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — with the entry or tile in the details;
 * ERR_NOTE_INVALID — the checkpoint; and those of reading the source
 */
export async function verifyTree(
  options: VerifyTreeOptions,
  look: LookAtLeaf,
): Promise<Checkpoint> {
  const { source, log, earlier, onProgress, signal } = options
  const checkpoint = await readCheckpoint(source, log, options)
  const { size } = checkpoint
  assertNotBack(checkpoint, earlier)
  const edge = new TreeEdge()
  assertEarlier(edge, earlier)
  for await (const { start, entries, hashes } of readBundles(source, size, options)) {
    assertNotCancelled(signal)
    for (const [place, data] of entries.entries()) {
      const index = start + place
      const leaf = assertLeaf(index, data, hashes[place])
      await look(index, data)
      await assertTiles(source, edge.append(leaf), options)
      assertEarlier(edge, earlier)
    }
    edge.settle()
    onProgress?.(edge.size, size)
  }
  await assertTiles(source, edge.partialTiles(), options)
  assertRoot(edge, checkpoint, 'the checkpoint')
  return checkpoint
}

/** How a checkpoint is read, and who must have cosigned it. */
export type CheckpointDemand = ReadOptions & Pick<VerifyTreeOptions, 'witnesses'>

/**
 * Reads the newest checkpoint of a log and verifies who signed it; where witnesses are demanded, the newest that
 * they cosigned.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — none exists; ERR_NOTE_INVALID; ERR_WITNESS_MISSING
 */
export async function readCheckpoint(
  source: LogSource,
  log: LogIdentity,
  options: CheckpointDemand = {},
): Promise<Checkpoint> {
  const { witnesses } = options
  const witnessed = witnesses && (await source.read(WITNESSED_PATH, options))
  const note = witnessed ?? (await source.read(CHECKPOINT_PATH, options))
  if (note !== undefined) {
    const checkpoint = openCheckpoint(note, log)
    if (witnesses !== undefined) assertWitnessed(note, witnesses)
    return checkpoint
  }
  throw new CountersignError('ERR_LOG_PROOF_INVALID', `no checkpoint in ${source.name}`, {
    hint: 'check that this is the location of a log',
  })
}

interface Bundle {
  readonly start: number
  readonly entries: readonly Uint8Array[]
  /** Leaf hashes as the tile above has them. */
  readonly hashes: readonly Uint8Array[]
}

function readBundles(source: LogSource, size: number, options: ReadOptions): AsyncIterable<Bundle> {
  return readAhead(bundlesOf(size), async (name) => {
    const [entries, tile] = await Promise.all([
      readEntries(source, { ...name, level: 'entries' }, options),
      readHashTile(source, { ...name, level: 0 }, options),
    ])
    return { start: name.index * TILE_WIDTH, entries, hashes: splitTile(tile) }
  })
}

function* bundlesOf(size: number): Generator<Omit<TileName, 'level'>, void, undefined> {
  for (let index = 0; index * TILE_WIDTH < size; index += 1) {
    yield { index, width: tileWidth(size, 0, index) }
  }
}

function assertLeaf(index: number, data: Uint8Array, hash: Uint8Array | undefined): Uint8Array {
  const leaf = leafHash(data)
  if (hash !== undefined && Buffer.from(hash).equals(leaf)) return leaf
  const tile = { level: 0, index: Math.floor(index / TILE_WIDTH), width: TILE_WIDTH }
  const message = `entry ${index} is not the one that ${formatTilePath(tile)} has the hash of`
  throw wrong(message, { entry: index })
}

/** Tiles above the leaves; those of the leaves were compared entry by entry. */
async function assertTiles(
  source: LogSource,
  tiles: readonly StoredTile[],
  options: ReadOptions,
): Promise<void> {
  for (const { level, index, hashes } of tiles) {
    if (level === 0) continue
    const name: TileName = { level, index, width: splitTile(hashes).length }
    const found = await readHashTile(source, name, options)
    if (Buffer.from(found).equals(hashes)) continue
    const path = formatTilePath(name)
    throw wrong(`${path} is not what the tiles below it hash to`, { tile: path })
  }
}

function assertNotBack({ size }: Checkpoint, earlier: Checkpoint | undefined): void {
  if (earlier === undefined || earlier.size <= size) return
  throw wrong(`the log has ${size} entries, and had ${earlier.size} before: it went back`, {
    size,
    earlier: earlier.size,
  })
}

function assertEarlier(edge: TreeEdge, earlier: Checkpoint | undefined): void {
  if (earlier?.size === edge.size) assertRoot(edge, earlier, 'the earlier checkpoint')
}

function assertRoot(edge: TreeEdge, { size, root }: Checkpoint, what: string): void {
  if (Buffer.from(edge.root()).equals(root)) return
  throw wrong(`the first ${size} entries are not those that ${what} was signed for`, { size })
}

function wrong(
  message: string,
  details: Readonly<Record<string, string | number>>,
  cause?: unknown,
): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'do not rely on the log; keep this copy of it, and ask its owner',
    details,
    cause,
  })
}

/** Reads what is at a place of a log; what cannot be read is named, as `entry 7` or `leaf 7`. */
export function readAt<T>(what: 'entry' | 'leaf', index: number, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    if (CountersignError.is(cause, 'ERR_FORMAT_UNSUPPORTED')) {
      throw unsupportedFormat(`${what} ${index} is of a later release: ${why}`)
    }
    throw wrong(`${what} ${index} can't be read: ${why}`, { entry: index }, cause)
  }
}
