import { Migrator } from 'kysely/migration'
import type { Database } from './database.ts'
import { createMigrations } from './migrations/migrations.ts'
import { storeUnavailable } from './unavailable.ts'

const MIGRATIONS_TABLE = 'countersign_migrations'

/**
 * Brings the schema up to date; does nothing where it is. Replicas may do it at the same time.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — the schema is newer than this program, or the
 * database does not answer
 */
export async function migrate(database: Database): Promise<void> {
  await assertNotNewer(database)
  const { error } = await database.migrating((db) => {
    const migrator = new Migrator({
      db,
      provider: createMigrations(database.columnTypes),
      migrationTableName: MIGRATIONS_TABLE,
      migrationLockTableName: `${MIGRATIONS_TABLE}_lock`,
      ...(database.schema !== undefined && { migrationTableSchema: database.schema }),
    })
    return migrator.migrateToLatest()
  })
  if (error instanceof Error) throw error
}

/**
 * Makes sure that the schema is the one this program knows.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — it is older or newer
 */
export async function assertCurrentSchema(database: Database): Promise<void> {
  const executed = await assertNotNewer(database)
  const missing = (await knownNames(database)).filter((name) => !executed.includes(name))
  if (missing.length === 0) return
  const state = executed.length === 0 ? 'has no tables yet' : `lacks ${missing.join(', ')}`
  throw storeUnavailable(`its schema ${state}`, {
    hint: 'bring it up to date once',
    reason: 'schema-behind',
  })
}

/** Answers the migrations that were made, where this program knows them all. */
async function assertNotNewer(database: Database): Promise<readonly string[]> {
  const executed = await executedNames(database)
  const known = await knownNames(database)
  const unknown = executed.filter((name) => !known.includes(name))
  if (unknown.length === 0) return executed
  throw storeUnavailable(`its schema is newer than this version, by ${unknown.join(', ')}`, {
    hint: 'run the version of countersign that made it, or a later one',
  })
}

async function knownNames({ columnTypes }: Database): Promise<readonly string[]> {
  return Object.keys(await createMigrations(columnTypes).getMigrations())
}

async function executedNames({ schema, writer }: Database): Promise<readonly string[]> {
  const tables = await writer.introspection.getTables()
  const isOurs = (table: { readonly name: string; readonly schema?: string }): boolean =>
    table.name === MIGRATIONS_TABLE && (schema === undefined || table.schema === schema)
  if (!tables.some(isOurs)) return []
  const db = writer.$extendTables<{ [MIGRATIONS_TABLE]: { readonly name: string } }>()
  const rows = await db.selectFrom(MIGRATIONS_TABLE).select('name').execute()
  return rows.map(({ name }) => name)
}
