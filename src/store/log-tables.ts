import type { Kysely } from 'kysely'
import { hashBytes } from '../crypto/digest.ts'
import { blockOf, scopeOf } from '../log/label-scope.ts'
import type {
  LogHead,
  LogReader,
  LogRecords,
  StoredCheckpoint,
  StoredEntry,
  StoredTile,
} from '../log/log-records.ts'
import { readMovedLeaves, readMovedTile } from '../log/moved-leaves.ts'
import type { TileArchive } from '../log/tile-archive.ts'
import { TILE_WIDTH } from '../log/tiles.ts'
import type { Database, HeadRow } from './database.ts'
import { packLeaf, unpackLeaf } from './packed-leaf.ts'
import type { LogId, LogLabelRow, Tables } from './tables.ts'

/** Reads the log, in a transaction or out of one. */
export class LogTablesReader implements LogReader {
  protected readonly id: LogId
  readonly #openDb: () => Kysely<Tables>
  readonly #archive: TileArchive | undefined

  /** Asks for the database at each read, so that a closed one can refuse. */
  constructor(id: LogId, openDb: () => Kysely<Tables>, archive: TileArchive | undefined) {
    this.id = id
    this.#openDb = openDb
    this.#archive = archive
  }

  protected get db(): Kysely<Tables> {
    return this.#openDb()
  }

  async head(): Promise<LogHead> {
    const columns = ['size', 'root', 'latest_at'] as const
    const head = this.db.selectFrom('log_head').select(columns).where('log', '=', this.id)
    return toHead(await head.executeTakeFirstOrThrow())
  }

  async tile(level: number, index: number): Promise<Uint8Array | undefined> {
    const tile = await this.db
      .selectFrom('log_tiles')
      .select('hashes')
      .where('log', '=', this.id)
      .where('level', '=', level)
      .where('idx', '=', index)
      .executeTakeFirst()
    if (tile !== undefined || level > 0) return tile?.hashes
    const isMoved = index * TILE_WIDTH < (await this.moved())
    return isMoved ? readMovedTile(this, this.#archive, index) : undefined
  }

  async entries(start: number, end: number): Promise<readonly Uint8Array[]> {
    const rows = await this.db
      .selectFrom('log_entries')
      .select(['idx', 'data'])
      .where('log', '=', this.id)
      .where('idx', '>=', start)
      .where('idx', '<', end)
      .orderBy('idx')
      .execute()
    const leaves = rows.map(({ data }) => unpackLeaf(data))
    if (leaves.length === end - start) return leaves
    const stored = new Map(rows.map(({ idx }, place) => [idx, leaves[place]]))
    return this.#withMoved(stored, start, end)
  }

  /** What is missing among stored leaves was moved, or the log ends there. */
  async #withMoved(
    stored: ReadonlyMap<number, Uint8Array | undefined>,
    start: number,
    end: number,
  ): Promise<readonly Uint8Array[]> {
    // Read after the rows: what was missing among them had been moved by then.
    const moved = await this.moved()
    const bundles = new Map<number, readonly Uint8Array[]>()
    const leaves: Uint8Array[] = []
    for (let index = start; index < end; index += 1) {
      const bundle = Math.floor(index / TILE_WIDTH)
      if (!stored.has(index) && index < moved && !bundles.has(bundle)) {
        bundles.set(bundle, await readMovedLeaves(this, this.#archive, bundle))
      }
      const leaf = stored.get(index) ?? bundles.get(bundle)?.[index % TILE_WIDTH]
      if (leaf === undefined) return leaves
      leaves.push(leaf)
    }
    return leaves
  }

  async moved(): Promise<number> {
    const moved = this.db.selectFrom('log_moved').select('size').where('log', '=', this.id)
    return (await moved.executeTakeFirst())?.size ?? 0
  }

  async find(
    label: string,
    { limit, before = Number.MAX_SAFE_INTEGER }: FindOptions,
  ): Promise<readonly number[]> {
    if (scopeOf(label) === 'rare') return this.#findIn(RARE_PART, label, { limit, before })
    const { size } = await this.head()
    const found: number[] = []
    let part = partOf(Math.min(before, size) - 1)
    for (; part > RARE_PART && found.length < limit; part -= 1) {
      found.push(...(await this.#findIn(part, label, { limit: limit - found.length, before })))
    }
    return found
  }

  async #findIn(
    part: number,
    label: string,
    { limit, before }: Required<FindOptions>,
  ): Promise<readonly number[]> {
    const labelled = this.db
      .selectFrom('log_labels')
      .select('idx')
      .where('log', '=', this.id)
      .where('part', '=', part)
      .where('label', '=', hashLabel(label))
      .where('idx', '<', before)
    const rows = await labelled.orderBy('idx', 'desc').limit(limit).execute()
    return rows.map(({ idx }) => idx)
  }

  async checkpoint(): Promise<StoredCheckpoint | undefined> {
    const newest = this.db.selectFrom('log_checkpoint').select(['size', 'note'])
    return newest.where('log', '=', this.id).executeTakeFirst()
  }

  async witnessed(): Promise<StoredCheckpoint | undefined> {
    const newest = this.db.selectFrom('log_witnessed').select(['size', 'note'])
    return newest.where('log', '=', this.id).executeTakeFirst()
  }
}

/** The log in the tables of one transaction. */
export class LogTables extends LogTablesReader implements LogRecords {
  readonly #database: Database

  constructor(
    id: LogId,
    db: Kysely<Tables>,
    {
      archive,
      database,
    }: { readonly archive: TileArchive | undefined; readonly database: Database },
  ) {
    super(id, () => db, archive)
    this.#database = database
  }

  async lockHead(): Promise<LogHead> {
    return toHead(await this.#database.lockHead(this.db, this.id))
  }

  async insertEntries(entries: readonly StoredEntry[]): Promise<void> {
    const { id: log } = this
    const rows = entries.map(({ index, data }) => ({ log, idx: index, data: packLeaf(data) }))
    await this.#database.insertEntries(this.db, rows)
    const labels = labelRows(log, entries)
    if (labels.length > 0) await this.#database.insertLabels(this.db, labels)
  }

  async putTiles(tiles: readonly StoredTile[]): Promise<void> {
    if (tiles.length === 0) return
    // One statement may write a row once: of two for one tile the last counts.
    const { id: log } = this
    const rows = new Map(
      tiles.map(({ level, index: idx, hashes }) => [
        `${level}/${idx}`,
        { log, level, idx, hashes },
      ]),
    )
    const put = this.db
      .insertInto('log_tiles')
      .values([...rows.values()])
      .onConflict((conflict) =>
        conflict
          .columns(['log', 'level', 'idx'])
          .doUpdateSet((row) => ({ hashes: row.ref('excluded.hashes') })),
      )
    await this.#database.later(this.db, put)
  }

  async putHead({ size, root, latest }: LogHead): Promise<void> {
    const row = { size, root, latest_at: latest === undefined ? null : latest.getTime() }
    await this.#database.later(
      this.db,
      this.db.updateTable('log_head').set(row).where('log', '=', this.id),
    )
  }

  async putCheckpoint({ size, note }: StoredCheckpoint): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.db
      .insertInto('log_checkpoint')
      .values({ log: this.id, size, note })
      .onConflict((conflict) =>
        conflict.column('log').doUpdateSet({ size, note }).where('log_checkpoint.size', '<', size),
      )
      .executeTakeFirstOrThrow()
    return numInsertedOrUpdatedRows === 1n
  }

  async putCosigned({ size, note }: StoredCheckpoint, isWitnessed: boolean): Promise<void> {
    for (const table of ['log_checkpoint', 'log_witnessed'] as const) {
      if (table === 'log_witnessed' && !isWitnessed) continue
      await this.db
        .insertInto(table)
        .values({ log: this.id, size, note })
        .onConflict((conflict) =>
          conflict.column('log').doUpdateSet({ size, note }).where(`${table}.size`, '<=', size),
        )
        .execute()
    }
  }

  async forgetMoved(start: number, end: number): Promise<boolean> {
    const { db, id } = this
    const { numUpdatedRows } = await db
      .updateTable('log_moved')
      .set({ size: end })
      .where('log', '=', id)
      .where('size', '=', start)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows !== 1n) return false
    const rare = db
      .selectFrom('log_labels')
      .select('idx')
      .where('log', '=', id)
      .where('part', '=', RARE_PART)
      .where('idx', '>=', start)
      .where('idx', '<', end)
    const kept = await rare.execute()
    await db
      .deleteFrom('log_entries')
      .where('log', '=', id)
      .where('idx', '>=', start)
      .where('idx', '<', end)
      .where('idx', 'not in', rare)
      .execute()
    const bundles = new Set(kept.map(({ idx }) => Math.floor(idx / TILE_WIDTH)))
    for (let bundle = start / TILE_WIDTH; bundle < end / TILE_WIDTH; bundle += 1) {
      // What proves an entry that stays, stays.
      if (bundles.has(bundle)) continue
      const tile = db.deleteFrom('log_tiles').where('log', '=', id).where('level', '=', 0)
      await tile.where('idx', '=', bundle).execute()
    }
    return true
  }

  async dropCheckpoint(): Promise<void> {
    await this.db.deleteFrom('log_checkpoint').where('log', '=', this.id).execute()
    await this.db.deleteFrom('log_witnessed').where('log', '=', this.id).execute()
  }
}

function toHead({ size, root, latest_at: latest }: HeadRow): LogHead {
  return { size, root, latest: latest === null ? undefined : new Date(latest) }
}

type FindOptions = Parameters<LogReader['find']>[1]

/**
 * Entries whose labels are one sorted part of the index. New ones go into the last part alone, which a
 * database keeps in memory however long the log is; a search looks into one part after the other.
 */
const PART_ENTRIES = 2 ** 18

/** The part of labels that are rare, so that all of one are found at once. */
const RARE_PART = 0

function partOf(index: number): number {
  return Math.floor(index / PART_ENTRIES) + 1
}

/** Rows of the index, each once. */
function labelRows(log: LogId, entries: readonly StoredEntry[]): readonly LogLabelRow[] {
  const rows = new Map<string, LogLabelRow>()
  for (const { index, labels } of entries) {
    for (const label of labels) {
      const scope = scopeOf(label)
      const part = scope === 'rare' ? RARE_PART : partOf(index)
      const idx = scope === 'frequent' ? blockOf(index) : index
      const name = `${idx} ${label}`
      if (!rows.has(name)) rows.set(name, { log, part, label: hashLabel(label), idx })
    }
  }
  return [...rows.values()]
}

/**
 * Shortens a label to what an index holds well. Two labels that collide find each other's entries, and what
 * is read there decides.
 */
function hashLabel(label: string): Uint8Array {
  return hashBytes('sha256', Buffer.from(label)).subarray(0, LABEL_BYTES)
}
const LABEL_BYTES = 7
