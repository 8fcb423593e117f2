import { createHash } from 'node:crypto'
import {
  type ColumnDefinitionBuilder,
  type CreateTableBuilder,
  type Kysely,
  type RawBuilder,
  sql,
} from 'kysely'
import type { Migration } from 'kysely/migration'
import { LOG_IDS, type Tables } from '../tables.ts'
import type { ColumnTypes } from './column-types.ts'

/** Root of a tree without entries (RFC 6962 section 2.1): the digest of nothing. */
const EMPTY_ROOT: Uint8Array = Uint8Array.from(createHash('sha256').digest())

/** The schema of the first release of the service. */
export function firstSchema(types: ColumnTypes): Migration {
  return {
    up: async (db: Kysely<Tables>) => {
      await createKeys(db, types)
      await createLog(db, types)
      await createRequests(db, types)
    },
  }
}

function oneRow(id: ColumnDefinitionBuilder): ColumnDefinitionBuilder {
  return id
    .primaryKey()
    .notNull()
    .check(sql`id = 1`)
}

async function createKeys(db: Kysely<Tables>, types: ColumnTypes): Promise<void> {
  const long = sql.raw(types.long)
  await db.schema
    .createTable('keys')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('use', 'text', (column) => column.notNull())
    .addColumn('algorithm', 'text', (column) => column.notNull())
    .addColumn('policy', 'text', (column) => column.notNull())
    .addColumn('rules', 'text')
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('rotate_to', 'integer')
    .execute()
  await createVersions(db, types)
  await db.schema
    .createTable('creation_intents')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('key', 'text', (column) => column.notNull().references('keys.name'))
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('uri', 'text', (column) => column.notNull())
    .addColumn('created_at', long, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('counters')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('value', long, (column) => column.notNull())
    .execute()
  await db.insertInto('counters').values({ name: 'sequence', value: 0 }).execute()
  await db.schema
    .createTable('key_history')
    .addColumn('id', 'integer', oneRow)
    .addColumn('envelope', sql.raw(types.bytes), (column) => column.notNull())
    .execute()
}

async function createVersions(db: Kysely<Tables>, types: ColumnTypes): Promise<void> {
  const long = sql.raw(types.long)
  await db.schema
    .createTable('key_versions')
    .addColumn('kid', 'text', (column) => column.primaryKey().notNull())
    .addColumn('key', 'text', (column) => column.notNull().references('keys.name'))
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('algorithm', 'text', (column) => column.notNull())
    .addColumn('spki', sql.raw(types.bytes), (column) => column.notNull())
    .addColumn('uri', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created_at', long, (column) => column.notNull())
    .addColumn('origin', 'text', (column) => column.notNull())
    .addColumn('published_at', long)
    .addColumn('activated_at', long)
    .addColumn('retired_at', long)
    .addColumn('revoked_at', long)
    .addColumn('compromised_since', long)
    .addColumn('destroyed_at', long)
    .addColumn('is_forced', 'integer', (column) => column.notNull())
    .addColumn('certificates', 'text')
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addUniqueConstraint('key_versions_number', ['key', 'version'])
    .execute()
  // Invariant 3 of docs/design/rotation.md: no code, however wrong, makes two versions of a key sign.
  await db.schema
    .createIndex('key_versions_one_active')
    .unique()
    .on('key_versions')
    .column('key')
    .where(sql.ref('state'), '=', sql.lit('active'))
    .execute()
}

async function createLog(db: Kysely<Tables>, types: ColumnTypes): Promise<void> {
  const bytes = sql.raw(types.bytes)
  const long = sql.raw(types.long)
  const clustered = sql.raw(types.clustered)
  await db.schema
    .createTable('log_entries')
    .addColumn('log', 'integer', (column) => column.notNull())
    .addColumn('idx', long, (column) => column.notNull())
    .addColumn('data', bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint('log_entries_key', ['log', 'idx'])
    .execute()
  await db.schema
    .createTable('log_labels')
    .addColumn('log', 'integer', (column) => column.notNull())
    .addColumn('part', 'integer', (column) => column.notNull())
    .addColumn('label', bytes, (column) => column.notNull())
    .addColumn('idx', long, (column) => column.notNull())
    .addPrimaryKeyConstraint('log_labels_key', ['log', 'part', 'label', 'idx'])
    .modifyEnd(clustered)
    .execute()
  await db.schema
    .createTable('log_tiles')
    .addColumn('log', 'integer', (column) => column.notNull())
    .addColumn('level', 'integer', (column) => column.notNull())
    .addColumn('idx', long, (column) => column.notNull())
    .addColumn('hashes', bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint('log_tiles_key', ['log', 'level', 'idx'])
    .execute()
  await createTableOfLogs(db, 'log_head', long)
    .addColumn('root', bytes, (column) => column.notNull())
    .addColumn('latest_at', long)
    .execute()
  for (const table of ['log_checkpoint', 'log_witnessed'] as const) {
    await createTableOfLogs(db, table, long)
      .addColumn('note', 'text', (column) => column.notNull())
      .execute()
  }
  await createTableOfLogs(db, 'log_moved', long).execute()
  const empty = { size: 0, root: EMPTY_ROOT, latest_at: null }
  const heads = Object.values(LOG_IDS).map((log) => ({ log, ...empty }))
  await db.insertInto('log_head').values(heads).execute()
  const none = Object.values(LOG_IDS).map((log) => ({ log, size: 0 }))
  await db.insertInto('log_moved').values(none).execute()
}

/** A table of one row a log, with a size. */
function createTableOfLogs(
  db: Kysely<Tables>,
  table: 'log_head' | 'log_checkpoint' | 'log_witnessed' | 'log_moved',
  long: RawBuilder<unknown>,
): CreateTableBuilder<string, 'log' | 'size'> {
  return db.schema
    .createTable(table)
    .addColumn('log', 'integer', (log) => log.primaryKey().notNull())
    .addColumn('size', long, (size) => size.notNull())
}

async function createRequests(db: Kysely<Tables>, types: ColumnTypes): Promise<void> {
  const bytes = sql.raw(types.bytes)
  const long = sql.raw(types.long)
  await db.schema
    .createTable('answers')
    .addColumn('id', bytes, (column) => column.primaryKey().notNull())
    .addColumn('request_sha256', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('expires_at', long, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('replays')
    .addColumn('id', bytes, (column) => column.primaryKey().notNull())
    .addColumn('expires_at', long, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('approvals')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('parameters', 'text', (column) => column.notNull())
    .addColumn('expires_at', long, (column) => column.notNull())
    .execute()
  for (const table of ['answers', 'replays', 'approvals']) {
    await db.schema.createIndex(`${table}_expiry`).on(table).column('expires_at').execute()
  }
}
