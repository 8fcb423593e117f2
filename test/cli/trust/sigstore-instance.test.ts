import { existsSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readInstanceCopy, readInstanceRoot } from '../../../cli/trust/sigstore-instance.ts'
import { startLoopbackServer } from '../../support/loopback-server.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { startTufRepository } from '../../support/tuf-repository.ts'

const EMPTY_ROOT = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
const DAY_MS = 86_400_000

/** A user with an empty cache, now or days later. */
function createWorld(cache: string = createTempFolder(), days = 0) {
  const now = (): Date => new Date(Date.now() + days * DAY_MS)
  return { env: { XDG_CACHE_HOME: cache }, now, cache }
}

test('the trusted root comes by TUF, into a cache of the user', async () => {
  const repository = await startTufRepository(Buffer.from(EMPTY_ROOT))
  const world = createWorld()

  const root = await readInstanceRoot({}, world, repository)

  expect(root.tlogs).toEqual([])
  expect(existsSync(`${world.cache}/countersign/tuf`)).toBe(true)
})

test('files fetched by TUF are used offline for 30 days', async () => {
  const repository = await startTufRepository(Buffer.from(EMPTY_ROOT))
  const world = createWorld()
  const root = await readInstanceRoot({}, world, repository)

  const later = createWorld(world.cache, 29)
  const expired = createWorld(world.cache, 31)

  expect(await readInstanceCopy(world)).toEqual(root)
  expect(await readInstanceCopy(later)).toEqual(root)
  await expect(readInstanceCopy(expired)).rejects.toMatchObject({ code: 'ERR_TRUST_EXPIRED' })
})

test('a fetch renews the copy', async () => {
  const repository = await startTufRepository(Buffer.from(EMPTY_ROOT))
  const world = createWorld()
  await readInstanceRoot({}, world, repository)
  const old = new Date(Date.now() - 40 * DAY_MS)
  utimesSync(join(world.cache, 'countersign/public-good-root.json'), old, old)
  await expect(readInstanceCopy(world)).rejects.toMatchObject({ code: 'ERR_TRUST_EXPIRED' })

  await readInstanceRoot({}, world, repository)

  expect((await readInstanceCopy(world)).tlogs).toEqual([])
})

test('a trusted root that TUF does not vouch for is refused, and no copy of it is kept', async () => {
  const repository = await startTufRepository(Buffer.from(EMPTY_ROOT), (path, content) =>
    path === '/timestamp.json' ? Buffer.from(content.toString().replace('2099', '2098')) : content,
  )
  const world = createWorld()

  const reading = readInstanceRoot({}, world, repository)

  await expect(reading).rejects.toMatchObject({ code: 'ERR_TRUST_INVALID' })
  await expect(readInstanceCopy(world)).rejects.toMatchObject({ code: 'ERR_TRUST_STALE' })
})

test('a fetch that fails is transient, and leaves no copy', async () => {
  const repository = await startTufRepository(Buffer.from(EMPTY_ROOT))
  const silent = await startLoopbackServer(() => ({ status: 404 }))
  const mirror = { ...repository, mirrorURL: silent.url }
  const world = createWorld()

  const reading = readInstanceRoot({}, world, mirror)

  await expect(reading).rejects.toMatchObject({ code: 'ERR_NETWORK', exitCode: 7 })
  await expect(readInstanceCopy(world)).rejects.toMatchObject({ code: 'ERR_TRUST_STALE' })
})

test('a cache folder that cannot be created is not reported as an outage', async () => {
  const repository = await startTufRepository(Buffer.from(EMPTY_ROOT))
  const file = join(createTempFolder(), 'file')
  writeFileSync(file, '')

  const reading = readInstanceRoot({}, createWorld(file), repository)

  await expect(reading).rejects.toMatchObject({ code: 'ERR_FILE_WRITE' })
})
