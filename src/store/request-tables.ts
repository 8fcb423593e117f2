import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { CountersignError } from '../errors.ts'
import { isJsonObject, parseJson } from '../formats/json.ts'
import type { PlacedAnswer } from '../log/appender.ts'
import type {
  AnswerRecords,
  ApprovalRecords,
  RememberedAnswer,
  ReplayRecords,
  WaitingRequest,
} from './store.ts'
import type { AnswerRow, ApprovalRow, Tables } from './tables.ts'

/** A moment, and until when something is kept. */
interface Times {
  readonly now: Date
  readonly expires: Date
}

/** Answers in the tables of one transaction. */
export class AnswerTable implements AnswerRecords {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async findAnswer(caller: string, key: string, now: Date): Promise<RememberedAnswer | undefined> {
    const row = await this.#db
      .selectFrom('answers')
      .select(['request_sha256', 'body'])
      .where('id', '=', digestOf(caller, key))
      .where('expires_at', '>', now.getTime())
      .executeTakeFirst()
    return row && { requestSha256: row.request_sha256, body: row.body }
  }

  async putAnswers(answers: readonly PlacedAnswer[], now: Date): Promise<readonly boolean[]> {
    const rows = answers.map(toRow)
    const names = rows.map(({ id }) => nameOf(id))
    const isFirst = (place: number): boolean => names.indexOf(names[place] ?? '') === place
    const kept = new Set<string>()
    for (const chunk of chunksOf(rows.filter((_row, place) => isFirst(place)))) {
      for (const id of await this.#insert(chunk, now)) kept.add(nameOf(id))
    }
    return names.map((name, place) => isFirst(place) && kept.has(name))
  }

  async #insert(rows: readonly AnswerRow[], now: Date): Promise<readonly Uint8Array[]> {
    const inserted = await this.#db
      .insertInto('answers')
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet((row) => ({
            request_sha256: row.ref('excluded.request_sha256'),
            body: row.ref('excluded.body'),
            expires_at: row.ref('excluded.expires_at'),
          }))
          .where('answers.expires_at', '<=', now.getTime()),
      )
      .returning('id')
      .execute()
    return inserted.map(({ id }) => id)
  }
}

function nameOf(id: Uint8Array): string {
  return Buffer.from(id).toString('hex')
}

function toRow({ body, caller, expires, key, requestSha256 }: PlacedAnswer): AnswerRow {
  const id = digestOf(caller, key)
  return { id, request_sha256: requestSha256, body, expires_at: expires.getTime() }
}

/** Rows that one statement inserts: far fewer than the parameters it may have, and not all of several long ones. */
const MAX_ROWS = 64
const MAX_CHARACTERS = 4 * 1024 * 1024

function chunksOf(rows: readonly AnswerRow[]): readonly (readonly AnswerRow[])[] {
  const chunks: AnswerRow[][] = []
  let characters = 0
  for (const row of rows) {
    const last = chunks.at(-1)
    characters += row.body.length
    if (last === undefined || last.length === MAX_ROWS || characters > MAX_CHARACTERS) {
      chunks.push([row])
      characters = row.body.length
    } else last.push(row)
  }
  return chunks
}

/** Used identity tokens in the tables of one transaction. */
export class ReplayTable implements ReplayRecords {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async useOnce(issuer: string, jti: string, { now, expires }: Times): Promise<boolean> {
    const row = { expires_at: expires.getTime() }
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto('replays')
      .values({ id: digestOf(issuer, jti), ...row })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet(row).where('replays.expires_at', '<=', now.getTime()),
      )
      .executeTakeFirstOrThrow()
    return numInsertedOrUpdatedRows === 1n
  }
}

/** Requests for approval in the tables of one transaction. */
export class ApprovalTable implements ApprovalRecords {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async findApproval(id: string): Promise<WaitingRequest | undefined> {
    const found = this.#db.selectFrom('approvals').select(APPROVAL_COLUMNS).where('id', '=', id)
    const row = await found.executeTakeFirst()
    return row && toWaitingRequest(row)
  }

  async approvals(now: Date): Promise<readonly WaitingRequest[]> {
    const rows = await this.#db
      .selectFrom('approvals')
      .select(APPROVAL_COLUMNS)
      .where('expires_at', '>', now.getTime())
      .orderBy('expires_at')
      .orderBy('id')
      .execute()
    return rows.map(toWaitingRequest)
  }

  async putApproval({ id, parameters, expires }: WaitingRequest): Promise<void> {
    const row = { id, parameters: JSON.stringify(parameters), expires_at: expires.getTime() }
    await this.#db.insertInto('approvals').values(row).execute()
  }

  async deleteApproval(id: string): Promise<void> {
    await this.#db.deleteFrom('approvals').where('id', '=', id).execute()
  }
}

const APPROVAL_COLUMNS = [
  'id',
  'parameters',
  'expires_at',
] as const satisfies readonly (keyof ApprovalRow)[]

function toWaitingRequest({ id, ...row }: ApprovalRow): WaitingRequest {
  const parameters = parseJson(row.parameters)
  if (isJsonObject(parameters)) return { id, parameters, expires: new Date(row.expires_at) }
  throw new CountersignError('ERR_INTERNAL', `the stored request "${id}" is not one of ours`)
}

/** Attacker-controlled texts of any length and any characters become a short key that every index takes. */
function digestOf(...texts: readonly string[]): Uint8Array {
  return createHash('sha256').update(JSON.stringify(texts)).digest()
}

const SWEEP_ROWS = 1000

/** Deletes what expired, a thousand rows at a time, so that no lock is held long. */
export async function sweepExpired(db: Kysely<Tables>, now: Date): Promise<void> {
  for (const table of ['answers', 'replays', 'approvals'] as const) {
    for (let deleted = SWEEP_ROWS; deleted === SWEEP_ROWS;) {
      const result = await db
        .deleteFrom(table)
        .where('id', 'in', (expired) =>
          expired
            .selectFrom(table)
            .select('id')
            .where('expires_at', '<=', now.getTime())
            .limit(SWEEP_ROWS),
        )
        .executeTakeFirstOrThrow()
      deleted = Number(result.numDeletedRows)
    }
  }
}
