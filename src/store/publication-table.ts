import type { Kysely } from 'kysely'
import type { PublicationRecords } from './store.ts'
import type { Tables } from './tables.ts'

/** What is published, in the tables of one transaction. */
export class PublicationTable implements PublicationRecords {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async keyHistory(): Promise<Uint8Array | undefined> {
    const row = await this.#db.selectFrom('key_history').select('envelope').executeTakeFirst()
    return row?.envelope
  }

  async swapKeyHistory(next: Uint8Array, seen: Uint8Array | undefined): Promise<boolean> {
    const row = { envelope: next }
    if (seen === undefined) {
      const { numInsertedOrUpdatedRows } = await this.#db
        .insertInto('key_history')
        .values({ id: 1, ...row })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows === 1n
    }
    const { numUpdatedRows } = await this.#db
      .updateTable('key_history')
      .set(row)
      .where('envelope', '=', seen)
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  }
}
