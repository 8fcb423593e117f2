import { existsSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cacheFolder, ensurePeer, findPeer, type Peer } from '../../tools/interop/peer.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** A peer that counts its installations. */
function countingPeer(
  install: Peer['install'] = () => undefined,
): Peer & { readonly count: number } {
  let count = 0
  return {
    name: 'example',
    version: 'v1.2.3',
    install: (folder) => {
      count += 1
      install(folder)
    },
    get count() {
      return count
    },
  }
}

const refuse = (): never => {
  throw new Error('the registry said no')
}

test('a peer is installed once into a folder named by its version', () => {
  const cache = createTempFolder()
  const peer = countingPeer((folder) => {
    writeFileSync(join(folder, 'program'), '')
  })

  const presence = ensurePeer(peer, cache)

  expect(presence).toEqual({ isThere: true, folder: join(cache, 'peers/example-v1.2.3') })
  expect(ensurePeer(peer, cache)).toEqual(presence)
  expect(peer.count).toBe(1)
})

test('a refusal is cached with its reason for a day', () => {
  const cache = createTempFolder()
  const peer = countingPeer(refuse)

  expect(ensurePeer(peer, cache)).toEqual({ isThere: false, reason: 'the registry said no' })
  expect(findPeer(peer, cache)).toEqual({ isThere: false, reason: 'the registry said no' })
  ensurePeer(peer, cache)
  expect(peer.count).toBe(1)

  const old = new Date(Date.now() - 25 * 60 * 60 * 1000)
  utimesSync(join(cache, 'peers/example-v1.2.3/.refused'), old, old)
  ensurePeer(peer, cache)
  expect(peer.count).toBe(2)
})

test('what an interrupted installation left behind is thrown away', () => {
  const cache = createTempFolder()
  const leftover = join(cache, 'peers/example-v1.2.3/half')
  const peer = countingPeer((folder) => {
    writeFileSync(join(folder, 'half'), '')
  })
  ensurePeer(countingPeer(refuse), cache)
  writeFileSync(leftover, '')
  const old = new Date(0)
  utimesSync(join(cache, 'peers/example-v1.2.3/.refused'), old, old)

  ensurePeer({ ...peer, install: () => undefined }, cache)

  expect(existsSync(leftover)).toBe(false)
})

test('a peer that was never requested is missing', () => {
  expect(findPeer(countingPeer(), createTempFolder())).toMatchObject({ isThere: false })
})

test('the cache is where the user keeps caches', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/var/tmp/cache' })).toBe('/var/tmp/cache/countersign')
  expect(cacheFolder({})).toMatch(/\/\.cache\/countersign$/)
})
