/**
 * The schema of the store in a PostgreSQL database, and the rows that its locks are. A role that may only
 * connect can neither hold them nor put anything in front of them.
 *
 * @packageDocumentation
 */
import type { Pool } from 'pg'
import { CountersignError } from '../../errors.ts'
import { promisePostgres, sqlState } from './failures.ts'

/** Name of the schema; every connection searches this one alone. */
export const SCHEMA = 'countersign'

/** The lock for changing the schema. */
export const MIGRATION_LOCK = 'migration'

/**
 * Two replicas that make the same thing at once: PostgreSQL refuses one of them in spite of `if not exists`,
 * since a table is a row type too (42710) and either has a row in a catalog (23505).
 */
const MADE_MEANWHILE: ReadonlySet<string | undefined> = new Set([
  '23505',
  '42710',
  '42P06',
  '42P07',
])

const STATEMENTS = [
  `create schema if not exists ${SCHEMA}`,
  `create table if not exists ${SCHEMA}.locks (name text primary key)`,
  `create table if not exists ${SCHEMA}.leases
    (name text primary key, holder text not null, ends_at bigint not null)`,
  `insert into ${SCHEMA}.locks (name) values ('${MIGRATION_LOCK}') on conflict do nothing`,
]

/**
 * Makes the schema and its tables of locks and leases where they are missing.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE; ERR_CONFIG_INVALID — the schema belongs to another role
 */
export async function createSchema(pool: Pool): Promise<void> {
  const [createSchema = '', ...others] = STATEMENTS
  await runOnce(pool, createSchema)
  await assertOwnSchema(pool)
  for (const statement of others) await runOnce(pool, statement)
}

async function runOnce(pool: Pool, statement: string): Promise<void> {
  await promisePostgres(() => pool.query(statement)).catch((error: unknown) => {
    if (!MADE_MEANWHILE.has(sqlState(error))) throw error
  })
}

/** The owner of a schema can replace every table in it. */
async function assertOwnSchema(pool: Pool): Promise<void> {
  const text = `select pg_catalog.pg_has_role(nspowner, 'USAGE') as own
    from pg_catalog.pg_namespace where nspname = $1`
  const { rows } = await promisePostgres(() => pool.query<{ own: boolean }>(text, [SCHEMA]))
  if (rows[0]?.own === true) return
  throw new CountersignError(
    'ERR_CONFIG_INVALID',
    `the schema "${SCHEMA}" of the store belongs to another role`,
    { hint: 'find out who made it; see docs/runbooks/database.md' },
  )
}
