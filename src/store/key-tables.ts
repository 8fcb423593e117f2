import type { Kysely } from 'kysely'
import { type PublicKeyInfo, parsePublicKeySpki } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import type { Key, KeyVersion } from '../keys/key.ts'
import type { CreationIntent, KeyRecords } from '../keys/key-records.ts'
import type { Database } from './database.ts'
import { fromQuantities, toQuantities } from './policy-column.ts'
import type { KeyVersionRow, Tables } from './tables.ts'

/** Public keys that were parsed, by `kid`: parsing is slow, and a `kid` means one key for ever. */
export type PublicKeyCache = Map<string, PublicKeyInfo>

/** Keys, versions and intents in the tables of one transaction. */
export class KeyTables implements KeyRecords {
  readonly #db: Kysely<Tables>
  readonly #database: Database
  readonly #publicKeys: PublicKeyCache

  constructor(db: Kysely<Tables>, database: Database, publicKeys: PublicKeyCache) {
    this.#db = db
    this.#database = database
    this.#publicKeys = publicKeys
  }

  async keys(): Promise<readonly Key[]> {
    const columns = [
      'name',
      'use',
      'algorithm',
      'policy',
      'rules',
      'provider',
      'rotate_to',
    ] as const
    const rows = await this.#db.selectFrom('keys').select(columns).orderBy('name').execute()
    return rows.map(({ rotate_to, rules, ...row }) => ({
      ...row,
      ...(rules !== null && { rules }),
      ...(rotate_to !== null && { rotateTo: rotate_to }),
      ...toQuantities(row.policy),
    }))
  }

  async versions(key?: string): Promise<readonly KeyVersion[]> {
    const all = this.#db.selectFrom('key_versions').select(COLUMNS)
    const some = key === undefined ? all : all.where('key', '=', key)
    const rows = await some.orderBy('key').orderBy('version').execute()
    return rows.map((row) => this.#toVersion(row))
  }

  async versionsOf(kids: readonly string[]): Promise<readonly KeyVersion[]> {
    if (kids.length === 0) return []
    const different = [...new Set(kids)]
    const versions = this.#db.selectFrom('key_versions').select(COLUMNS)
    const rows = await versions.where('kid', 'in', different).execute()
    return rows.map((row) => this.#toVersion(row))
  }

  async putKey(key: Key): Promise<void> {
    const { name, use, algorithm, provider, rules = null } = key
    const policy = fromQuantities(key)
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto('keys')
      .values({ name, use, algorithm, policy, rules, provider })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet({ policy, rules, provider })
          .where('keys.use', '=', use)
          .where('keys.algorithm', '=', algorithm),
      )
      .executeTakeFirstOrThrow()
    if (numInsertedOrUpdatedRows !== 1n) throw taken(`a key "${name}" of another use or algorithm`)
  }

  async requestRotation(name: string, version: number): Promise<void> {
    const row = { rotate_to: version }
    await this.#db.updateTable('keys').set(row).where('name', '=', name).execute()
  }

  async lockKey(name: string): Promise<void> {
    await this.#database.lockKey(this.#db, name)
  }

  async insertVersion(version: KeyVersion): Promise<void> {
    const { publicKey } = version
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto('key_versions')
      .values({
        kid: publicKey.kid,
        key: version.key,
        version: version.version,
        algorithm: publicKey.algorithm.name,
        spki: publicKey.spki,
        created_at: version.createdAt.getTime(),
        origin: version.origin,
        revision: version.revision,
        ...toChangingColumns(version),
      })
      // An error of the database would end the transaction; this leaves that to the caller.
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow()
    if (numInsertedOrUpdatedRows === 1n) return
    const what = `version ${version.version} of key "${version.key}", its key pair, or an active version`
    throw taken(what)
  }

  async replaceVersion(next: KeyVersion): Promise<void> {
    const { numUpdatedRows } = await this.#db
      .updateTable('key_versions')
      .set({ ...toChangingColumns(next), revision: next.revision })
      .where('kid', '=', next.publicKey.kid)
      .where('key', '=', next.key)
      .where('version', '=', next.version)
      .where('revision', '=', next.revision - 1)
      .executeTakeFirstOrThrow()
      .catch((cause: unknown) => {
        if (!this.#database.isTaken(cause)) throw cause
        throw conflict(next, `another version of "${next.key}" is active`, cause)
      })
    if (numUpdatedRows !== 1n) throw conflict(next, 'another process changed it first')
  }

  async sequence(): Promise<number> {
    const { value } = await this.#db
      .selectFrom('counters')
      .select('value')
      .where('name', '=', 'sequence')
      .executeTakeFirstOrThrow()
    return value
  }

  nextSequence(): Promise<number> {
    return this.raiseSequence(0)
  }

  async raiseSequence(above: number): Promise<number> {
    // The row stays locked until the transaction ends, so numbers become visible in their order.
    const { value } = await this.#db
      .updateTable('counters')
      .set((row) => {
        const least = row.case().when('value', '<', above).then(above)
        return { value: row(least.else(row.ref('value')).end(), '+', 1) }
      })
      .where('name', '=', 'sequence')
      .returning('value')
      .executeTakeFirstOrThrow()
    return value
  }

  async intents(): Promise<readonly CreationIntent[]> {
    const columns = ['id', 'key', 'version', 'uri', 'created_at'] as const
    const intents = this.#db.selectFrom('creation_intents').select(columns)
    const rows = await intents.orderBy('created_at').orderBy('id').execute()
    return rows.map(({ created_at, ...intent }) => ({ ...intent, createdAt: new Date(created_at) }))
  }

  async insertIntent({ createdAt, ...intent }: CreationIntent): Promise<void> {
    const { id, key, version, uri } = intent
    const row = { id, key, version, uri, created_at: createdAt.getTime() }
    await this.#db.insertInto('creation_intents').values(row).execute()
  }

  async deleteIntent(id: string): Promise<void> {
    await this.#db.deleteFrom('creation_intents').where('id', '=', id).execute()
  }

  #toVersion(row: KeyVersionRow): KeyVersion {
    return {
      key: row.key,
      version: row.version,
      publicKey: this.#publicKey(row),
      uri: row.uri,
      state: row.state,
      createdAt: new Date(row.created_at),
      origin: row.origin,
      publishedAt: toDate(row.published_at),
      activatedAt: toDate(row.activated_at),
      retiredAt: toDate(row.retired_at),
      revokedAt: toDate(row.revoked_at),
      compromisedSince: toDate(row.compromised_since),
      destroyedAt: toDate(row.destroyed_at),
      isForced: row.is_forced === 1,
      certificates: row.certificates ?? undefined,
      revision: row.revision,
    }
  }

  #publicKey({ kid, spki, algorithm }: KeyVersionRow): PublicKeyInfo {
    const known = this.#publicKeys.get(kid)
    if (known !== undefined) return known
    const publicKey = parsePublicKeySpki(spki, algorithm)
    if (publicKey.kid !== kid) {
      throw new CountersignError('ERR_KEY_INVALID', `the store has another key under kid "${kid}"`)
    }
    this.#publicKeys.set(kid, publicKey)
    return publicKey
  }
}

const COLUMNS = [
  'kid',
  'key',
  'version',
  'algorithm',
  'spki',
  'uri',
  'state',
  'created_at',
  'origin',
  'published_at',
  'activated_at',
  'retired_at',
  'revoked_at',
  'compromised_since',
  'destroyed_at',
  'is_forced',
  'certificates',
  'revision',
] as const satisfies readonly (keyof KeyVersionRow)[]

type FixedColumn =
  'kid' | 'key' | 'version' | 'algorithm' | 'spki' | 'created_at' | 'origin' | 'revision'

function toChangingColumns(version: KeyVersion): Omit<KeyVersionRow, FixedColumn> {
  return {
    uri: version.uri,
    state: version.state,
    published_at: toMs(version.publishedAt),
    activated_at: toMs(version.activatedAt),
    retired_at: toMs(version.retiredAt),
    revoked_at: toMs(version.revokedAt),
    compromised_since: toMs(version.compromisedSince),
    destroyed_at: toMs(version.destroyedAt),
    is_forced: version.isForced ? 1 : 0,
    certificates: version.certificates ?? null,
  }
}

function toMs(time: Date | undefined): number | null {
  return time === undefined ? null : time.getTime()
}

function toDate(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms)
}

function conflict({ key, version }: KeyVersion, why: string, cause?: unknown): CountersignError {
  const message = `version ${version} of key "${key}" was not changed: ${why}`
  return new CountersignError('ERR_STATE_CONFLICT', message, {
    hint: 'look at its state now, then decide again',
    details: { key, version },
    cause,
  })
}

function taken(what: string): CountersignError {
  return new CountersignError('ERR_KEY_EXISTS', `${what} already exists`, {
    hint: 'list the keys to see what exists',
    reason: 'key-exists',
  })
}
