import type { Kysely } from 'kysely'
import { hashBytes } from '../crypto/digest.ts'
import type {
  LogHead,
  LogReader,
  LogRecords,
  StoredCheckpoint,
  StoredEntry,
  StoredTile,
} from '../log/log-records.ts'
import type { Database, HeadRow } from './database.ts'
import type { LogId, Tables } from './tables.ts'

/** Reads the log, in a transaction or out of one. */
export class LogTablesReader implements LogReader {
  protected readonly id: LogId
  readonly #openDb: () => Kysely<Tables>

  /** Asks for the database at each read, so that a closed one can refuse. */
  constructor(id: LogId, openDb: () => Kysely<Tables>) {
    this.id = id
    this.#openDb = openDb
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
    return tile?.hashes
  }

  async entries(start: number, end: number): Promise<readonly Uint8Array[]> {
    const rows = await this.db
      .selectFrom('log_entries')
      .select('data')
      .where('log', '=', this.id)
      .where('idx', '>=', start)
      .where('idx', '<', end)
      .orderBy('idx')
      .execute()
    return rows.map(({ data }) => data)
  }

  async find(
    label: string,
    { limit, before }: { readonly limit: number; readonly before?: number },
  ): Promise<readonly number[]> {
    const labelled = this.db
      .selectFrom('log_labels')
      .select('idx')
      .where('log', '=', this.id)
      .where('label', '=', hashLabel(label))
      .where('idx', '<', before ?? Number.MAX_SAFE_INTEGER)
    const rows = await labelled.orderBy('idx', 'desc').limit(limit).execute()
    return rows.map(({ idx }) => idx)
  }

  async checkpoint(): Promise<StoredCheckpoint | undefined> {
    const newest = this.db.selectFrom('log_checkpoint').select(['size', 'note'])
    return newest.where('log', '=', this.id).executeTakeFirst()
  }
}

/** The log in the tables of one transaction. */
export class LogTables extends LogTablesReader implements LogRecords {
  readonly #database: Database

  constructor(id: LogId, db: Kysely<Tables>, database: Database) {
    super(id, () => db)
    this.#database = database
  }

  async lockHead(): Promise<LogHead> {
    return toHead(await this.#database.lockHead(this.db, this.id))
  }

  async insertEntries(entries: readonly StoredEntry[]): Promise<void> {
    const { id: log } = this
    const rows = entries.map(({ index, data }) => ({ log, idx: index, data }))
    await this.#database.insertEntries(this.db, rows)
    const labels = entries.flatMap(({ index, labels }) =>
      [...new Set(labels)].map((label) => ({ log, label: hashLabel(label), idx: index })),
    )
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

  async dropCheckpoint(): Promise<void> {
    await this.db.deleteFrom('log_checkpoint').where('log', '=', this.id).execute()
  }
}

function toHead({ size, root, latest_at: latest }: HeadRow): LogHead {
  return { size, root, latest: latest === null ? undefined : new Date(latest) }
}

/**
 * Shortens a label to what an index holds well. Half of SHA-256 is enough: two labels made to collide
 * find each other's entries, and who made them knew both.
 */
function hashLabel(label: string): Uint8Array {
  return hashBytes('sha256', Buffer.from(label)).subarray(0, 16)
}
