import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ConnectionSettings, SqliteConnection } from '../../../src/store/sqlite/connection.ts'
import { NodeSqliteDialect } from '../../../src/store/sqlite/dialect.ts'
import { openLocalConnection } from '../../../src/store/sqlite/local-connection.ts'
import { openThreadedConnection } from '../../../src/store/sqlite/threaded-connection.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

type Open = (
  path: string,
  settings: ConnectionSettings,
) => SqliteConnection | Promise<SqliteConnection>

const PLACES: readonly (readonly [string, Open])[] = [
  ['on this thread', openLocalConnection],
  ['on a thread of its own', openThreadedConnection],
]

interface Opened {
  readonly path: string
  readonly connection: SqliteConnection
  readonly db: Kysely<{ readonly blobs: { readonly data: Uint8Array } }>
}

/** A database with one table, on a disk of some pages. */
async function openSmall(open: Open): Promise<Opened> {
  const path = join(createTempFolder(), 'small.db')
  const connection = await open(path, { timeoutMs: 0 })
  await connection.run('create table blobs (data blob not null)')
  await connection.run('pragma max_page_count = 10')
  const db: Opened['db'] = new Kysely({ dialect: new NodeSqliteDialect(connection, 1000) })
  onTestFinished(() => db.destroy())
  return { path, connection, db }
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

describe.each(PLACES)('a connection %s', (_, open) => {
  test('a full disk is an outage that leaves nothing behind, and passes once there is room', async () => {
    const opened = await openSmall(open)

    const codes = [await insert(opened, 100), await insert(opened, 100_000)]
    await opened.connection.run('pragma max_page_count = 1000')
    codes.push(await insert(opened, 100_000))

    expect(codes).toEqual(['accepted', 'ERR_STORE_UNAVAILABLE', 'accepted'])
    expect(await opened.db.selectFrom('blobs').select('data').execute()).toHaveLength(2)
  })

  test('another process that writes is an outage', async () => {
    const opened = await openSmall(open)
    const other = new DatabaseSync(opened.path)
    other.exec('begin immediate')

    const code = await insert(opened, 100)
    other.exec('rollback')
    other.close()

    expect(code).toBe('ERR_STORE_UNAVAILABLE')
  })

  test('a wrong statement is no outage', async () => {
    const { db } = await openSmall(open)

    await expect(sql`select * from missing`.execute(db)).rejects.toThrow('no such table')
  })

  test('a statement that is kept for later runs before the next one', async () => {
    const { connection } = await openSmall(open)

    connection.later('insert into blobs (data) values (?)', [new Uint8Array(1)])
    const { rows } = await connection.run('select count(*) as n from blobs')

    expect(rows).toEqual([{ n: 1 }])
  })

  test('a statement kept for later that fails keeps the commit after it from happening', async () => {
    const { connection } = await openSmall(open)
    const insert = 'insert into blobs (data) values (?)'

    connection.later('begin immediate')
    connection.later(insert, [new Uint8Array(1)])
    connection.later(insert, [null])
    const commit = connection.run('commit')

    await expect(commit).rejects.toThrow('NOT NULL constraint failed')
    await connection.rollback()
    expect(await connection.run('select * from blobs')).toEqual({ rows: [] })
  })

  test('a rollback forgets what was kept for later', async () => {
    const { connection } = await openSmall(open)

    connection.later('begin immediate')
    connection.later('insert into blobs (data) values (?)', [new Uint8Array(1)])
    await connection.rollback()

    expect(await connection.run('select * from blobs')).toEqual({ rows: [] })
  })

  test('many different statements are prepared without keeping all of them', async () => {
    const { db } = await openSmall(open)
    const answers = Array.from({ length: 500 }, async (_, number) => {
      const { rows } = await sql<{ n: number }>`select ${sql.lit(number)} as n`.execute(db)
      return rows[0]?.n
    })

    expect(await Promise.all(answers)).toEqual(answers.map((_, number) => number))
  })

  test('a stream is refused, since it would hold the one connection', async () => {
    const { db } = await openSmall(open)
    const reading = async (): Promise<void> => {
      for await (const row of db.selectFrom('blobs').select('data').stream()) expect(row).toBeNull()
    }

    await expect(reading()).rejects.toThrow('hold the one connection')
  })
})
