import type { Migration, MigrationProvider } from 'kysely/migration'
import type { ColumnTypes } from './column-types.ts'
import { firstSchema } from './first-schema.ts'

/**
 * Gives all migrations, in a list that is part of the program: a bundle has no folder to look into. A
 * migration that was released never changes; names sort in the order they run in.
 */
export function createMigrations(types: ColumnTypes): MigrationProvider {
  const migrations: Record<string, Migration> = { '0001-first-schema': firstSchema(types) }
  return { getMigrations: () => Promise.resolve(migrations) }
}
