import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { assertNotCancelled } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'
import { hasErrno, writeFileAtomically } from '../files.ts'
import { type Checkpoint, parseCheckpoint } from '../formats/checkpoint.ts'
import { parseSignedNote } from '../formats/signed-note.ts'
import { serializeEntryBundle } from './entry-bundle.ts'
import { CHECKPOINT_PATH, formatTilePath, type TileName, WITNESSED_PATH } from './paths.ts'
import { readAhead } from './read-ahead.ts'
import { type LogSource, readEntries, readHashTile, type ReadOptions } from './source.ts'
import { TILE_WIDTH, tileLevels, tileWidth } from './tiles.ts'

/** What an export reports while it runs. */
export interface ExportLogOptions extends ReadOptions {
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/**
 * Copies a log into a folder, in the layout of tlog-tiles, up to its newest checkpoint. Nothing of it
 * is verified. Full tiles that are there already stay, so exporting again copies what is new; the
 * checkpoint is written last, so it never covers what is not there.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — a part is missing; ERR_NOTE_INVALID — the
 * checkpoint is malformed; ERR_FILE_WRITE; and those of reading the source
 */
export async function exportLog(
  source: LogSource,
  folder: string,
  options: ExportLogOptions = {},
): Promise<Checkpoint> {
  // Before the newest, which is never smaller.
  const witnessed = await source.read(WITNESSED_PATH, options)
  const note = await source.read(CHECKPOINT_PATH, options)
  if (note === undefined) {
    throw new CountersignError('ERR_LOG_PROOF_INVALID', `no checkpoint in ${source.name}`, {
      hint: 'check that this is the location of a log',
    })
  }
  const checkpoint = parseCheckpoint(parseSignedNote(note).text)
  const { size } = checkpoint
  let done = 0
  const copies = readAhead(tilesOf(size), (tile) => copyTile(source, folder, tile, options))
  for await (const entries of copies) {
    assertNotCancelled(options.signal)
    done += entries
    options.onProgress?.(done, size)
  }
  if (witnessed !== undefined) await writeWithFolder(join(folder, WITNESSED_PATH), witnessed, true)
  await writeWithFolder(join(folder, CHECKPOINT_PATH), note, true)
  return checkpoint
}

/** Every tile and bundle of a tree of `size` leaves. */
function* tilesOf(size: number): Generator<TileName, void, undefined> {
  for (let level = tileLevels(size) - 1; level >= 0; level -= 1) {
    yield* tilesAcross(level, Math.floor(size / TILE_WIDTH ** level))
  }
  yield* tilesAcross('entries', size)
}

function* tilesAcross(
  level: TileName['level'],
  hashes: number,
): Generator<TileName, void, undefined> {
  for (let index = 0; index * TILE_WIDTH < hashes; index += 1) {
    yield { level, index, width: tileWidth(hashes, 0, index) }
  }
}

/** Copies a part and answers how many entries are in it. */
async function copyTile(
  source: LogSource,
  folder: string,
  tile: TileName,
  options: ReadOptions,
): Promise<number> {
  const isBundle = tile.level === 'entries'
  const bytes = isBundle
    ? serializeEntryBundle(await readEntries(source, tile, options))
    : await readHashTile(source, tile, options)
  await writeWithFolder(join(folder, formatTilePath(tile)), bytes, tile.width < TILE_WIDTH)
  return isBundle ? tile.width : 0
}

async function writeWithFolder(path: string, bytes: Uint8Array, overwrite: boolean): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
  } catch (cause) {
    throw new CountersignError('ERR_FILE_WRITE', `can't make the folder "${dirname(path)}"`, {
      hint: 'check the path, and who may write there',
      details: { path },
      cause,
    })
  }
  await writeFileAtomically(path, bytes, { overwrite }).catch((error: unknown) => {
    if (overwrite || !hasErrno(error, 'EEXIST')) throw error
  })
}
