/**
 * Where the parts of a log lie (C2SP tlog-tiles): `tile/0/x001/234`, `tile/entries/000.p/5`. A path may
 * be attacker-controlled; each part has exactly one.
 *
 * @packageDocumentation
 */
import { TILE_WIDTH } from './tiles.ts'

/** A tile of hashes of one level, or a bundle of entries. */
export interface TileName {
  readonly level: number | 'entries'
  readonly index: number
  /** Hashes or entries in it: 1 to 256. */
  readonly width: number
}

/** Path of the newest checkpoint. */
export const CHECKPOINT_PATH = 'checkpoint'
/** Where the newest checkpoint lies that enough of the log's witnesses cosigned: one of ours, not of tlog-tiles. */
export const WITNESSED_PATH = 'witnessed-checkpoint'
const MAX_LEVEL = 63
/** Groups of three digits, all but the last marked by an x; a width only where it is not full. */
const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** Writes the path of a tile. */
export function formatTilePath({ level, index, width }: TileName): string {
  const groups = [String(index % 1000).padStart(3, '0')]
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`)
  }
  const partial = width === TILE_WIDTH ? '' : `.p/${width}`
  return `tile/${level}/${groups.join('/')}${partial}`
}

/** Parses the path of a tile; undefined for anything that {@link formatTilePath} does not write. */
export function parseTilePath(path: string): TileName | undefined {
  const [, level = '', groups = '', width = String(TILE_WIDTH)] = PATH.exec(path) ?? []
  const name: TileName = {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: Number(width),
  }
  const isWithinBounds =
    Number.isSafeInteger(name.index) && (level === 'entries' || Number(level) <= MAX_LEVEL)
  return isWithinBounds && formatTilePath(name) === path ? name : undefined
}
