import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readProvenEntry } from '../../src/log/proven-entry.ts'
import { openLogFolder, openStoredLog } from '../../src/log/source.ts'
import { verifyLog } from '../../src/log/verify-log.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createPostgres, type PostgresServer } from '../support/postgres.ts'
import { moveAll, type MovedLog, openMovedLog } from '../support/moved-log.ts'
import { LOG_KEY } from '../support/signed-log.ts'
import { createTempFolder } from '../support/temp-folder.ts'

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await createPostgres()
})
afterAll(() => postgres.stop())

const DATABASES = {
  SQLite: () => Promise.resolve(`sqlite:${join(createTempFolder(), 'log.db')}`),
  PostgreSQL: () => postgres.createDatabase(),
} as const

async function open(database: keyof typeof DATABASES): Promise<MovedLog> {
  const scene = await openMovedLog(await DATABASES[database]())
  onTestFinished(() => scene[Symbol.asyncDispose]())
  return scene
}

async function verify(source: ReturnType<typeof openLogFolder>): Promise<number> {
  const { entries } = await verifyLog({ source, log: { keys: [LOG_KEY] } })
  return Object.values(entries).reduce((sum, count) => sum + count, 0)
}

async function textsOf({ store }: MovedLog, start: number, end: number): Promise<string[]> {
  const leaves = await store.log.entries(start, end)
  return leaves.map((leaf) => Buffer.from(leaf).toString())
}

describe.each(['SQLite', 'PostgreSQL'] as const)('over %s', (database) => {
  test('moved tiles are read as before, and the folder is a complete log', async () => {
    const scene = await open(database)
    await scene.append(700)
    const before = await textsOf(scene, 0, 700)

    await moveAll(scene.mover())

    expect(await scene.store.log.moved()).toBe(512)
    expect(await textsOf(scene, 0, 800)).toEqual(before)
    expect(await textsOf(scene, 250, 260)).toEqual(before.slice(250, 260))
    expect(await verify(openStoredLog(scene.store.log))).toBe(700)
    expect(await verify(openLogFolder(scene.folder))).toBe(700)
  })

  test('a log continues behind its moved tiles, and the next pass moves more', async () => {
    const scene = await open(database)
    const mover = scene.mover()
    await scene.append(300)
    await moveAll(mover)
    await scene.append(600)

    await moveAll(mover)

    expect(await scene.store.log.moved()).toBe(768)
    expect(await verify(openStoredLog(scene.store.log))).toBe(900)
    expect(await verify(openLogFolder(scene.folder))).toBe(900)
  })

  test('entries that the service needs at any time stay in the database, with their proofs', async () => {
    const scene = await open(database)
    await scene.append(512)
    await moveAll(scene.mover())
    for (const name of readdirSync(scene.folder))
      rmSync(join(scene.folder, name), { recursive: true })

    const [index = -1] = await scene.store.log.find('type:state', { limit: 1 })

    expect(await readProvenEntry(scene.store.log, index)).toMatchObject({ type: 'state' })
    expect(await codeOfAsync(() => scene.store.log.entries(1, 2))).toBe('ERR_LOG_PROOF_INVALID')
  })
})

test('only tiles that a checkpoint covered a pass ago are moved', async () => {
  const scene = await open('SQLite')
  await scene.append(300)
  const mover = scene.mover()
  const { signal } = new AbortController()

  await mover.run(signal)

  expect(await scene.store.log.moved()).toBe(0)
  expect(existsSync(join(scene.folder, 'checkpoint'))).toBe(false)
})

test('several processes move one log at once and lose nothing', async () => {
  const scene = await open('SQLite')
  await scene.append(2000)
  const movers = [scene.mover(), scene.mover(), scene.mover()]

  await Promise.all(movers.map(moveAll))

  expect(await scene.store.log.moved()).toBe(1792)
  expect(await verify(openStoredLog(scene.store.log))).toBe(2000)
  expect(await verify(openLogFolder(scene.folder))).toBe(2000)
})

test('a process that ends between copy and removal leaves a state that the next one completes', async () => {
  const scene = await open('SQLite')
  await scene.append(600)
  const { signal } = new AbortController()
  const first = scene.mover()
  await first.run(signal)
  const crashed = scene.store.transaction(async ({ log }) => {
    await log.forgetMoved(0, 512)
    throw new Error('the process ended')
  })
  await expect(crashed).rejects.toThrow('the process ended')
  await first.run(signal)

  await moveAll(scene.mover())

  expect(await scene.store.log.moved()).toBe(512)
  expect(await verify(openStoredLog(scene.store.log))).toBe(600)
})

test('partial tiles of earlier checkpoints are removed, those of the newest two stay', async () => {
  const scene = await open('SQLite')
  const mover = scene.mover()
  for (const count of [10, 20, 30, 40]) {
    await scene.append(count)
    await mover.run(new AbortController().signal)
  }
  await mover.run(new AbortController().signal)

  expect(readdirSync(join(scene.folder, 'tile/0/000.p')).toSorted()).toEqual(['100', '60'])
  expect(await verify(openLogFolder(scene.folder))).toBe(100)
})
