import { CompiledQuery, type Kysely } from 'kysely'
import type { Tables } from '../tables.ts'

/** Rows of one statement. Few numbers, since each makes a statement that is prepared and kept. */
const CHUNKS = [256, 16, 1]

/**
 * Inserts rows of two columns, many in a statement; `target` names table and columns. Written as text:
 * making the text of every statement anew from a tree takes as long as SQLite takes to run it.
 */
export async function insertPairs(
  db: Kysely<Tables>,
  target: string,
  rows: readonly (readonly [unknown, unknown])[],
): Promise<void> {
  let start = 0
  for (const length of CHUNKS) {
    const text = `insert into ${target} values ${Array(length).fill('(?, ?)').join(', ')}`
    for (; start + length <= rows.length; start += length) {
      const values = rows.slice(start, start + length).flat()
      await db.executeQuery(CompiledQuery.raw(text, values))
    }
  }
}
