/** Versions changed by hand in the database are refused: contract over both stores. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { CountersignError } from '../../src/errors.ts'
import type { KeyUse, KeyVersion } from '../../src/keys/key.ts'
import { UNTOUCHED } from '../../src/keys/lifecycle.ts'
import { appendEntries } from '../../src/log/append.ts'
import { doDueSteps } from '../../src/rotation/due-steps.ts'
import type { Operation } from '../../src/rotation/operation.ts'
import { createKeyring, type StoreKeyring } from '../../src/rotation/store-keyring.ts'
import { rotate, transition } from '../../src/rotation/key-changes.ts'
import { changeByHand } from '../support/changed-by-hand.ts'
import { codeOfAsync } from '../support/errors.ts'
import { stateEntry } from '../support/log-entries.ts'
import { createPostgres, type PostgresServer, query } from '../support/postgres.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'
import { testSigner } from '../support/signers.ts'

interface Intruded {
  readonly scene: RotationScene
  /** Runs SQL as the owner of the database. */
  readonly sql: (text: string) => Promise<void>
}

let server: PostgresServer

beforeAll(async () => {
  server = await createPostgres()
})

afterAll(() => server.stop())

const STORES: Readonly<Record<string, (use?: KeyUse) => Promise<Intruded>>> = {
  SQLite: async (use = 'artifact') => {
    const scene = await RotationScene.start({ use })
    const sql = (text: string): Promise<void> => changeByHand(`${scene.folder}/store.db`, text)
    return { scene, sql }
  },
  PostgreSQL: async (use = 'artifact') => {
    const storeUrl = await server.createDatabase()
    const scene = await RotationScene.start({ storeUrl, use })
    const sql = async (text: string): Promise<void> => {
      await query(storeUrl, text)
    }
    return { scene, sql }
  },
}

const BUMP = "update counters set value = value + 1 where name = 'sequence'"

async function follow(
  scene: RotationScene,
): Promise<{ readonly keyring: StoreKeyring; readonly errors: CountersignError[] }> {
  const errors: CountersignError[] = []
  const keyring = await createKeyring({
    store: scene.store,
    openKey: (...asked) => scene.providers.openKey(...asked),
    onError: (error) => errors.push(error),
  })
  onTestFinished(() => keyring[Symbol.asyncDispose]())
  return { keyring, errors }
}

const numbersOf = ({ snapshot }: StoreKeyring): readonly string[] =>
  snapshot.versions.map(({ version, state }) => `${version} ${state}`)

/** A version with a key pair of an attacker. */
function slippedIn(scene: RotationScene, version: number, publishedAt: Date): KeyVersion {
  return {
    ...UNTOUCHED,
    key: 'release',
    version,
    publicKey: testSigner('ES256', 'attacker').key,
    uri: `file:${scene.folder}/keys/attacker.pem`,
    createdAt: publishedAt,
    origin: 'generated',
    publishedAt,
    certificates: undefined,
  }
}

const insert = async ({ scene, sql }: Intruded, version: KeyVersion): Promise<void> => {
  await scene.store.transaction(({ keys }) => keys.insertVersion(version))
  await sql(BUMP)
}

const act = (scene: RotationScene, operation: Operation): Promise<unknown> =>
  transition(scene.context(), 'release', operation, OPERATOR)

describe.each(Object.entries(STORES))('on %s', (_name, open) => {
  test('a version inserted into the table is not published, and raises one alert', async () => {
    const intruded = await open()
    const { scene } = intruded
    await scene.bootstrap()
    const { keyring, errors } = await follow(scene)

    await insert(intruded, slippedIn(scene, 3, scene.now))
    await keyring.refresh()
    await keyring.refresh()

    expect(numbersOf(keyring)).toEqual(['1 active', '2 pending'])
    expect(errors.map(({ code }) => code)).toEqual(['ERR_LOG_PROOF_INVALID'])
    expect(errors[0]?.message).toBe(
      'release@3 in the database does not match the log: the log has no such version',
    )
    expect(keyring.unlogged).toHaveLength(1)
  })

  test('a keyring that starts with such a table leaves that version out', async () => {
    const intruded = await open()
    await intruded.scene.bootstrap()
    await insert(intruded, slippedIn(intruded.scene, 3, intruded.scene.now))

    const { keyring, errors } = await follow(intruded.scene)

    expect(numbersOf(keyring)).toEqual(['1 active', '2 pending'])
    expect(errors).toHaveLength(1)
  })

  test('a key whose use is changed by hand signs nothing and is left out', async () => {
    const { scene, sql } = await open()
    await scene.bootstrap()
    const { keyring, errors } = await follow(scene)

    await sql("update keys set use = 'digest' where name = 'release'")
    await sql(BUMP)
    await keyring.refresh()

    expect(numbersOf(keyring)).toEqual([])
    expect(await codeOfAsync(() => keyring.activeSigner('release', 'digest'))).toBe(
      'ERR_KEY_NOT_USABLE',
    )
    expect(errors[0]?.message).toBe(
      'release@1 in the database does not match the log: use is digest, and artifact by the log',
    )
  })

  test('an imported version cannot be turned into a created one by hand', async () => {
    const { scene, sql } = await open()
    await scene.bootstrap()
    const { keyring, errors } = await follow(scene)

    await sql("update key_versions set origin = 'external' where version = 1")
    await sql(BUMP)
    await keyring.refresh()

    expect(keyring.snapshot.versions.map(({ origin }) => origin)).toEqual([
      'generated',
      'generated',
    ])
    expect(errors[0]?.code).toBe('ERR_LOG_PROOF_INVALID')
  })

  test('a revocation undone by hand still holds', async () => {
    const { scene, sql } = await open()
    await scene.bootstrap()
    await act(scene, { action: 'revoke', version: 1, mode: 'seamless' })
    const { keyring } = await follow(scene)
    const before = keyring.snapshot.versions

    await sql("update key_versions set state = 'retired' where version = 2")
    await sql(
      "update key_versions set state = 'active', revoked_at = null, compromised_since = null where version = 1",
    )
    await sql(BUMP)
    await keyring.refresh()

    expect(keyring.snapshot.versions).toEqual(before)
    expect(keyring.unlogged.map(({ details }) => details['version'])).toEqual([1, 2])
    const { version } = await keyring.activeSigner('release', 'artifact')
    expect(version.version).toBe(2)
  })

  test.each([
    ["state = 'revoked'", 'state is revoked, and active by the log'],
    ['activated_at = 1000', 'activatedAt is 1970-01-01T00:00:01.000Z, and 2026-11-25'],
    ['compromised_since = 1000', 'compromisedSince is 1970-01-01T00:00:01.000Z, and not set'],
    ['version = 7', 'version is 7, and 1 by the log'],
  ])('a row changed to %s counts as before, until it is restored', async (set, why) => {
    const { scene, sql } = await open()
    await scene.bootstrap()
    const { keyring } = await follow(scene)
    const before = await scene.version(1)

    await sql(`update key_versions set ${set} where version = 1`)
    await keyring.refresh()

    expect(keyring.unlogged[0]?.message).toContain(why)
    expect(keyring.snapshot.versions).toContainEqual(before)

    await sql(
      `update key_versions set version = 1, state = 'active', compromised_since = null,
       activated_at = ${before.activatedAt?.getTime() ?? 0} where version in (1, 7)`,
    )
    await keyring.refresh()
    expect(keyring.unlogged).toEqual([])
    expect(keyring.snapshot.versions).toContainEqual(before)
  })

  test('a key inserted as the standby is never activated', async () => {
    const intruded = await open()
    const { scene } = intruded
    await scene.bootstrap()
    await act(scene, { action: 'revoke', version: 2, mode: 'seamless' })
    await insert(intruded, slippedIn(scene, 3, scene.now))
    scene.passPeriod()
    const steps = [
      () => rotate(scene.context(), 'release', {}, OPERATOR),
      () => doDueSteps(scene.context(), 'release', OPERATOR),
      () => act(scene, { action: 'revoke', version: 1, mode: 'seamless' }),
    ]
    for (const step of steps) expect(await codeOfAsync(step)).toBe('ERR_LOG_PROOF_INVALID')

    expect(await scene.states()).toBe('active revoked standby')
  })

  test('an unchanged version beside it can still be revoked', async () => {
    const intruded = await open()
    const { scene } = intruded
    await scene.bootstrap()
    await insert(intruded, slippedIn(scene, 3, scene.now))
    const { keyring } = await follow(scene)

    await act(scene, { action: 'revoke', version: 1, mode: 'seamless' })
    await keyring.refresh()

    expect(numbersOf(keyring)).toEqual(['1 revoked', '2 active'])
  })

  test('an entry without the creation of a version confirms nothing', async () => {
    const intruded = await open()
    const { scene } = intruded
    await scene.bootstrap()
    const version = { ...slippedIn(scene, 3, scene.now), state: 'retired' as const }
    await insert(intruded, version)
    const key = { name: 'release', version: 3, kid: version.publicKey.kid }
    const retired = stateEntry(0, { from: 'active', to: 'retired', action: 'retire', sequence: 9 })
    await scene.store.transaction((records) => appendEntries(records, [{ ...retired, key }]))

    const { keyring } = await follow(scene)

    expect(keyring.unlogged[0]?.message).toContain('none before it tells of that version')
    expect(numbersOf(keyring)).toEqual(['1 active', '2 pending'])
  })

  test('certificates that are replaced are not published', async () => {
    const { scene, sql } = await open('timestamp')
    await scene.bootstrap()
    const { keyring } = await follow(scene)

    await sql("update key_versions set certificates = 'others' where version = 1")
    await keyring.refresh()

    expect(keyring.unlogged).toHaveLength(1)
    expect(keyring.snapshot.versions[0]?.certificates).toBe('certificates of release@1')
  })

  test('the log records every permitted change of a key', async () => {
    const { scene } = await open()
    await scene.bootstrap()
    const { keyring, errors } = await follow(scene)
    const year = 400 * 24 * 3600
    const operations: readonly (Operation | number)[] = [
      { action: 'activate', version: 2, force: true },
      { action: 'revoke', version: 1, mode: 'flush' },
      { action: 'revoke', version: 1, mode: 'flush', compromisedSince: scene.now },
      { action: 'retire', version: 3, force: true },
      year,
      { action: 'destroy', version: 2 },
      { action: 'revoke', version: 2, mode: 'seamless' },
      { action: 'destroy', version: 1 },
    ]
    scene.pass(60)
    for (const operation of operations) {
      if (typeof operation === 'number') scene.pass(operation)
      else await act(scene, operation)
      scene.pass(1)
      await keyring.refresh()
      expect(keyring.snapshot.versions).toEqual(await scene.versions())
    }

    expect(errors).toEqual([])
    expect(keyring.unlogged).toEqual([])
    expect(await scene.states()).toBe('destroyed destroyed retired')
  })
})
