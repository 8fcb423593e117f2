/** Tiles outside of the database, where others may write: what they change is noticed, and nothing is lost. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { assertTilesApart } from '../../src/service/logs/log-tiles.ts'
import { runCli } from '../support/command-line.ts'
import { codeOfAsync } from '../support/errors.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { moveAll, type MovedLog, openMovedLog } from '../support/moved-log.ts'
import { clientOf, createFolder, live } from '../support/older-store.ts'
import { s3Error, startS3Double } from '../support/s3-double.ts'
import { runServer } from '../support/server.ts'
import type { ServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

async function open(): Promise<MovedLog> {
  const scene = await openMovedLog(`sqlite:${join(createTempFolder(), 'log.db')}`)
  onTestFinished(() => scene[Symbol.asyncDispose]())
  return scene
}

function changeFile(path: string): void {
  const bytes = readFileSync(path)
  bytes[100] = (bytes[100] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

/** The first bundle has a change of a key, and so keeps its tile in the database. */
const NAMES = ['tile/0/001', 'tile/entries/001'] as const

test.each(NAMES)('a changed %s is not believed', async (name) => {
  const scene = await open()
  await scene.append(600)
  await moveAll(scene.mover())
  changeFile(join(scene.folder, name))

  expect(await codeOfAsync(() => scene.store.log.entries(300, 301))).toBe('ERR_LOG_PROOF_INVALID')
})

test('a tile of another position in the tree is rejected', async () => {
  const scene = await open()
  await scene.append(800)
  await moveAll(scene.mover())
  for (const kind of ['0', 'entries']) {
    const folder = join(scene.folder, 'tile', kind)
    copyFileSync(join(folder, '001'), join(folder, '002'))
  }

  expect(await codeOfAsync(() => scene.store.log.entries(513, 514))).toBe('ERR_LOG_PROOF_INVALID')
  expect(await codeOfAsync(() => scene.store.log.tile(0, 2))).toBe('ERR_LOG_PROOF_INVALID')
})

test.each(NAMES)(
  'where another %s is already, it stays, and the database keeps its own',
  async (name) => {
    const scene = await open()
    await scene.append(600)
    mkdirSync(join(scene.folder, name, '..'), { recursive: true })
    writeFileSync(join(scene.folder, name), 'of an attacker')

    expect(await codeOfAsync(() => moveAll(scene.mover()))).toBe('ERR_LOG_PROOF_INVALID')

    expect(readFileSync(join(scene.folder, name), 'utf8')).toBe('of an attacker')
    expect(await scene.store.log.moved()).toBe(0)
    expect(await scene.store.log.entries(0, 600)).toHaveLength(600)
  },
)

test('entries that were changed in the database are not moved', async () => {
  const scene = await open()
  await scene.append(600)
  await scene.store.transaction(async ({ log }) => {
    const tile = Buffer.from((await log.tile(0, 0)) ?? [])
    tile[0] = (tile[0] ?? 0) ^ 1
    await log.putTiles([{ level: 0, index: 0, hashes: tile }])
  })

  expect(await codeOfAsync(() => moveAll(scene.mover()))).toBe('ERR_LOG_PROOF_INVALID')

  expect(await scene.store.log.moved()).toBe(0)
})

test('tiles are never written into the storage of another log', async () => {
  const transparency = await open()
  await transparency.append(300)
  await moveAll(transparency.mover())
  const audit = await open()
  await audit.append(600)
  const mover = audit.mover({ folder: transparency.folder, origin: 'sign.example.com/audit' })

  expect(await codeOfAsync(() => moveAll(mover))).toBe('ERR_CONFIG_INVALID')

  expect(await audit.store.log.moved()).toBe(0)
})

test('a store older than the checkpoint beside its tiles is behind', async () => {
  const newer = await open()
  await newer.append(800)
  await moveAll(newer.mover())
  const older = await open()
  await older.append(300)

  expect(await codeOfAsync(() => moveAll(older.mover({ folder: newer.folder })))).toBe(
    'ERR_STORE_BEHIND',
  )
})

test('an emptied storage gets no further tiles', async () => {
  const scene = await open()
  const mover = scene.mover()
  await scene.append(300)
  await moveAll(mover)
  await scene.append(600)
  rmSync(join(scene.folder, 'tile'), { recursive: true })
  rmSync(join(scene.folder, 'checkpoint'))

  expect(await codeOfAsync(() => moveAll(mover))).toBe('ERR_CONFIG_INVALID')

  expect(await scene.store.log.moved()).toBe(256)
})

test.each([
  ['/srv/log', '/srv/log/'],
  ['/srv/log/audit', '/srv/log'],
  ['/srv/log', '/srv/log/public'],
  ['s3://acme/audit', 's3://acme/log'],
  ['s3://acme', 's3://acme/log?region=eu-west-1'],
])(
  'the audit log in %s does not share a place with the public log in %s',
  async (audit, transparency) => {
    expect(await codeOfAsync(() => assertTilesApart({ audit, transparency }))).toBe(
      'ERR_CONFIG_INVALID',
    )
  },
)

test.each([
  ['/srv/audit', '/srv/log'],
  ['/srv/log-audit', '/srv/log'],
  ['s3://acme-audit/log', 's3://acme/log'],
  ['/srv/audit', 's3://acme/log'],
])('%s and %s are separate', async (audit, transparency) => {
  expect(await codeOfAsync(() => assertTilesApart({ audit, transparency }))).toBe('accepted')
})

test('a link that leads the audit log into the public folder is followed', async () => {
  const folder = createTempFolder()
  const transparency = join(folder, 'public')
  mkdirSync(join(transparency, 'private'), { recursive: true })
  const audit = join(folder, 'audit')
  symlinkSync(join(transparency, 'private'), audit)

  expect(await codeOfAsync(() => assertTilesApart({ audit, transparency }))).toBe(
    'ERR_CONFIG_INVALID',
  )
})

test('config check refuses one bucket for both logs, and the service does not start', async () => {
  const tiles = { audit: 's3://acme/audit', transparency: 's3://acme/log' }
  const folder = createFolder({ log: { tiles } })

  const { exitCode, stdout } = await runCli(['config', 'check', folder.config])

  expect(exitCode).toBe(2)
  expect(stdout).toContain('[ERR_CONFIG_INVALID]')
  expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_CONFIG_INVALID')
})

/** For passes of a service, which come every ten seconds. */
const PASSES = { timeout: 120_000, interval: 500 }

test(
  'a service moves its tiles, serves them as before, and starts only where they are',
  { timeout: 300_000 },
  async () => {
    const bucket = await startS3Double()
    stubKmsEnvironment({ accessKeyId: 'any', secretAccessKey: 'any' })
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    const publicFolder = createTempFolder()
    const audit = `s3://bucket/audit?endpoint=${bucket.endpoint}`
    const folder = createFolder({ log: { tiles: { audit, transparency: publicFolder } } })
    const { authorization } = folder
    await live(folder, async (client, server) => {
      for (let count = 0; count < 300; count += 1) await client.sign()
      const tile = await (await fetch(`${server.address}/log/tile/entries/000`)).bytes()
      await expect.poll(() => server.lines.join(''), PASSES).toContain('entries of the audit log')
      await expect
        .poll(() => server.lines.join(''), PASSES)
        .toContain('entries of the transparency log')

      expect(readFileSync(join(publicFolder, 'tile/entries/000'))).toEqual(Buffer.from(tile))
      const served = await fetch(`${server.address}/log/tile/entries/000`)
      expect(served.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(await served.bytes()).toEqual(tile)
      const audited = await fetch(`${server.address}/audit/tile/entries/000`, {
        headers: { authorization },
      })
      expect(await audited.bytes()).toEqual(
        Uint8Array.from(bucket.objects.get('audit/tile/entries/000') ?? []),
      )
      bucket.failing = s3Error(403, 'AccessDenied')
      expect((await client.sign()).status).toBe(200)
      const advisory = { name: 'audit log tiles', ok: false, advisory: true }
      await expect
        .poll(async () => (await fetch(`${server.address}/readyz`)).json(), PASSES)
        .toMatchObject({
          ready: true,
          checks: expect.arrayContaining([expect.objectContaining(advisory)]) as unknown,
        })
    })

    const unreached = await runServer(folder)
    expect(unreached.warnings.join('')).toContain('log.tiles.audit does not answer')
    expect((await clientOf(unreached, folder).sign()).status).toBe(200)
    await unreached[Symbol.asyncDispose]()
    bucket.failing = undefined
    bucket.objects.delete('audit/tile/entries/000')
    expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_CONFIG_INVALID')
    setTiles(folder, { transparency: publicFolder })
    expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_CONFIG_INVALID')
  },
)

function setTiles({ config }: ServiceFolder, tiles: object): void {
  const written = JSON.parse(readFileSync(config, 'utf8')) as object
  writeFileSync(config, JSON.stringify({ ...written, log: { tiles } }))
}
