import { join } from 'node:path'
import { statSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { createBoundedGet } from '../../src/client/bounded-get.ts'
import { createDocumentFile } from '../../src/client/document-file.ts'
import {
  createJwksCache,
  type JwksCache,
  type JwksCacheOptions,
} from '../../src/client/jwks-cache.ts'
import { codeOfAsync } from '../support/errors.ts'
import { type PublicationServer, startPublications } from '../support/publications.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const PATH = '/.well-known/jwks.json'
const kidOf = (name: string): string => testSigner('ES256', name).key.kid

function jwks(sequence: number | undefined, ...names: readonly string[]): string {
  const keys = names.map((name) => serializePublicKeyJwk(testSigner('ES256', name).key))
  return JSON.stringify({ keys, sequence })
}

/** A cache of a server's set, and a clock that a test turns. */
async function createScene(options: Partial<JwksCacheOptions> = {}): Promise<{
  readonly server: PublicationServer
  readonly cache: JwksCache
  readonly again: () => JwksCache
  readonly pass: (seconds: number) => void
}> {
  const server = await startPublications()
  server.pages.set(PATH, jwks(1, 'first'))
  let nowMs = Date.UTC(2026, 0, 1)
  const again = (): JwksCache =>
    createJwksCache({
      url: new URL(PATH, server.url),
      get: createBoundedGet({ allowPrivateAddresses: true }),
      now: () => new Date(nowMs),
      random: () => 0.5,
      ...options,
    })
  return { server, cache: again(), again, pass: (seconds) => void (nowMs += seconds * 1000) }
}

const kids = async (cache: JwksCache, kid?: string): Promise<readonly string[]> =>
  (await cache.keysFor(kid)).map((key) => key.kid)

test('a set is fetched once for concurrent callers', async () => {
  const { server, cache } = await createScene()

  const found = await Promise.all(Array.from({ length: 20 }, () => kids(cache, kidOf('first'))))

  expect(found.every(([kid]) => kid === kidOf('first'))).toBe(true)
  expect(server.answers).toEqual([200])
})

test('a set is kept for its max-age, a little less at random, and then asked for by its ETag', async () => {
  const { server, cache, pass } = await createScene()
  await kids(cache)

  pass(284)
  await kids(cache)
  expect(server.answers).toEqual([200])

  pass(2)
  await kids(cache)
  expect(server.answers).toEqual([200, 304])
})

test.each([
  [undefined, 300],
  ['max-age=0', 10],
  ['max-age=31536000', 3600],
])('with cache-control %s a set is kept for %i seconds', async (cacheControl, seconds) => {
  const { server, cache, pass } = await createScene({ random: () => 0 })
  server.cacheControl = cacheControl
  await kids(cache)

  pass(seconds - 1)
  await kids(cache)
  expect(server.answers).toHaveLength(1)

  pass(1)
  await kids(cache)
  expect(server.answers).toHaveLength(2)
})

test('an unknown kid causes one more fetch, and then none for half a minute', async () => {
  const { server, cache, pass } = await createScene()
  await kids(cache)
  server.pages.set(PATH, jwks(2, 'first', 'second'))

  pass(31)
  expect(await kids(cache, kidOf('second'))).toContain(kidOf('second'))
  for (let tries = 0; tries < 10; tries += 1) await kids(cache, 'made up')
  expect(server.answers).toEqual([200, 200])

  pass(31)
  await kids(cache, 'made up')
  expect(server.answers).toEqual([200, 200, 304])
})

test('while the issuer does not answer the old set is used, for an hour after its time', async () => {
  const { server, cache, pass } = await createScene()
  await kids(cache)
  server.failure = 503

  pass(3899)
  expect(await kids(cache, kidOf('first'))).toEqual([kidOf('first')])

  pass(5)
  expect(await codeOfAsync(() => cache.keysFor(undefined))).toBe('ERR_TRUST_STALE')

  server.failure = undefined
  pass(31)
  expect(await kids(cache)).toEqual([kidOf('first')])
})

test('while the issuer does not answer, an unknown kid is an outage and not a wrong token', async () => {
  const { server, cache, pass } = await createScene()
  await kids(cache)
  server.failure = 503

  pass(400)
  expect(await codeOfAsync(() => cache.keysFor('new'))).toBe('ERR_NETWORK')
  expect(await codeOfAsync(() => cache.keysFor('newer'))).toBe('ERR_NETWORK')
  expect(await kids(cache, kidOf('first'))).toEqual([kidOf('first')])
  expect(server.answers).toEqual([200, 503])
})

test.each(['<html>', '{"keys":7}'])('a set garbled to %j is an outage', async (garbled) => {
  const { server, cache, pass } = await createScene()
  await kids(cache)
  server.pages.set(PATH, garbled)

  pass(400)
  expect(await kids(cache, kidOf('first'))).toEqual([kidOf('first')])
})

test('the refresh hint of a set shortens its time, and replaces a max-age that was lost', async () => {
  const { server, cache, pass } = await createScene({ random: () => 0 })
  server.pages.set(
    PATH,
    JSON.stringify({ ...(JSON.parse(jwks(1, 'first')) as object), refreshHintSeconds: 60 }),
  )
  await kids(cache)

  pass(60)
  server.cacheControl = undefined
  await kids(cache)
  pass(60)
  await kids(cache)

  expect(server.answers).toEqual([200, 304, 304])
})

test('a silent issuer without a set is asked again after a pause alone', async () => {
  const { server, cache, pass } = await createScene()
  server.failure = 503

  for (let tries = 0; tries < 5; tries += 1) {
    expect(await codeOfAsync(() => cache.keysFor('any'))).toBe('ERR_NETWORK')
  }
  expect(server.answers).toEqual([503])
  server.failure = undefined
  pass(5)
  expect(await kids(cache, kidOf('first'))).toEqual([kidOf('first')])
})

test('a silent issuer is not asked again at every call', async () => {
  const { server, cache, pass } = await createScene()
  await kids(cache)
  server.failure = 503

  pass(400)
  for (let tries = 0; tries < 5; tries += 1) await kids(cache)

  expect(server.answers).toEqual([200, 503])
})

test('an older set is refused, with both numbers', async () => {
  const { server, cache, pass } = await createScene()
  server.pages.set(PATH, jwks(7, 'first'))
  await kids(cache)

  pass(400)
  for (const back of [jwks(6, 'first'), jwks(undefined, 'first')]) {
    server.pages.set(PATH, back)
    await expect(cache.keysFor(undefined)).rejects.toMatchObject({
      code: 'ERR_TRUST_ROLLED_BACK',
      details: { seen: 7 },
    })
    pass(31)
  }
})

test('a lagging replica reverts nothing, and is asked again at once', async () => {
  const { server, cache, pass } = await createScene()
  server.pages.set(PATH, jwks(7, 'second'))
  await kids(cache)

  pass(310)
  server.pages.set(PATH, jwks(6, 'first'))
  expect(await kids(cache)).toEqual([kidOf('second')])
  server.pages.set(PATH, jwks(8, 'third'))
  pass(1)
  expect(await kids(cache)).toEqual([kidOf('third')])
})

test('without a set there is nothing to fall back on', async () => {
  const { server, cache } = await createScene()
  server.failure = 500

  expect(await codeOfAsync(() => cache.keysFor(undefined))).toBe('ERR_NETWORK')
})

test('a copy on disk spares the request, is its owner’s alone, and remembers the sequence', async () => {
  const path = join(createTempFolder(), 'jwks.json')
  const { server, cache, again, pass } = await createScene({ copy: createDocumentFile(path) })
  server.pages.set(PATH, jwks(7, 'first'))
  await kids(cache)

  expect(await kids(again(), kidOf('first'))).toEqual([kidOf('first')])
  expect(server.answers).toEqual([200])
  expect(statSync(path).mode & 0o777).toBe(0o600)

  server.pages.set(PATH, jwks(6, 'first'))
  pass(400)
  expect(await codeOfAsync(() => again().keysFor(undefined))).toBe('ERR_TRUST_ROLLED_BACK')
})

test.each(['', '{}', '{"schema":"countersign.cached-document.v1","body":"AA=="}', 'x'])(
  'a damaged copy %j is ignored',
  async (content) => {
    const path = join(createTempFolder(), 'jwks.json')
    writeFileSync(path, content)
    const { cache } = await createScene({ copy: createDocumentFile(path) })

    expect(await kids(cache)).toEqual([kidOf('first')])
  },
)

test('a copy from the future does not count as fresh', async () => {
  const path = join(createTempFolder(), 'jwks.json')
  const { server, cache, again, pass } = await createScene({ copy: createDocumentFile(path) })
  await kids(cache)

  pass(-3600)
  await kids(again())

  expect(server.answers).toEqual([200, 304])
})

test('a copy that cannot be written does not stop verification', async () => {
  const copy = createDocumentFile(join(createTempFolder(), 'no such folder', 'jwks.json'))
  const { server, cache } = await createScene({ copy })

  expect(await kids(cache)).toEqual([kidOf('first')])
  expect(await kids(cache)).toEqual([kidOf('first')])
  expect(server.answers).toEqual([200])
})
