import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { NodeSqliteDialect } from '../../../src/store/sqlite/dialect.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

interface Opened {
  readonly connection: DatabaseSync
  readonly db: Kysely<{ readonly blobs: { readonly data: Uint8Array } }>
}

/** A database with one table, on a disk of some pages. */
function openSmall(): Opened {
  const connection = new DatabaseSync(join(createTempFolder(), 'small.db'))
  connection.exec('create table blobs (data blob not null); pragma max_page_count = 10')
  const db: Opened['db'] = new Kysely({ dialect: new NodeSqliteDialect(connection, 1000) })
  onTestFinished(() => db.destroy())
  return { connection, db }
}

function insert({ db }: Opened, bytes: number): Promise<unknown> {
  return codeOfAsync(() =>
    db.transaction().execute((transaction) =>
      transaction
        .insertInto('blobs')
        .values({ data: new Uint8Array(bytes) })
        .execute(),
    ),
  )
}

test('a full disk is an outage that leaves nothing behind, and passes once there is room', async () => {
  const opened = openSmall()

  const codes = [await insert(opened, 100), await insert(opened, 100_000)]
  opened.connection.exec('pragma max_page_count = 1000')
  codes.push(await insert(opened, 100_000))

  expect(codes).toEqual(['accepted', 'ERR_STORE_UNAVAILABLE', 'accepted'])
  expect(await opened.db.selectFrom('blobs').select('data').execute()).toHaveLength(2)
})

test('another process that writes is an outage', async () => {
  const opened = openSmall()
  const other = new DatabaseSync(opened.connection.location() ?? '')
  other.exec('begin immediate')

  const code = await insert(opened, 100)
  other.exec('rollback')
  other.close()

  expect(code).toBe('ERR_STORE_UNAVAILABLE')
})

test('a wrong statement is no outage', async () => {
  const { db } = openSmall()

  await expect(sql`select * from missing`.execute(db)).rejects.toThrow('no such table')
})

test('many different statements are prepared without keeping all of them', async () => {
  const { db } = openSmall()
  const answers = Array.from({ length: 500 }, async (_, number) => {
    const { rows } = await sql<{ n: number }>`select ${sql.lit(number)} as n`.execute(db)
    return rows[0]?.n
  })

  expect(await Promise.all(answers)).toEqual(answers.map((_, number) => number))
})

test('a stream is refused, since it would hold the one connection', async () => {
  const { db } = openSmall()
  const reading = async (): Promise<void> => {
    for await (const row of db.selectFrom('blobs').select('data').stream()) expect(row).toBeNull()
  }

  await expect(reading()).rejects.toThrow('hold the one connection')
})
