import type { FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import { appendEntries } from '../../../src/log/append.ts'
import { openLogServer } from '../../../src/log/http-source.ts'
import { verifyLog } from '../../../src/log/verify-log.ts'
import { openStore } from '../../../src/store/open-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { createService } from '../../support/service.ts'
import { LOG_KEY, signatureEntries, signStored } from '../../support/signed-log.ts'

/** A service on a store with a signed log. */
async function createScene(size: number): Promise<{ app: FastifyInstance } & AsyncDisposable> {
  const store: Store = await openStore('sqlite::memory:')
  await store.transaction((records) => appendEntries(records.log, signatureEntries(size)))
  await signStored(store)
  const app = await createService({ store })
  return {
    app,
    [Symbol.asyncDispose]: async () => {
      await app.close()
      await store[Symbol.asyncDispose]()
    },
  }
}

test('the log verifies over HTTP, by anybody', async () => {
  await using scene = await createScene(300)
  const url = await scene.app.listen({ host: '127.0.0.1', port: 0 })
  const source = openLogServer(url, { fetch: globalThis.fetch })

  const report = await verifyLog({ source, log: { keys: [LOG_KEY] } })
  expect(report.entries).toEqual({ signature: 300 })
})

test('the checkpoint is a text that is not kept long', async () => {
  await using scene = await createScene(3)
  const answer = await scene.app.inject('/log/checkpoint')

  expect(answer.statusCode).toBe(200)
  expect(answer.headers).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'public, max-age=1',
  })
  expect(answer.body).toMatch(/^log\.example\/countersign\n3\n/)
})

test('a full tile may be kept for ever, a partial one for a while', async () => {
  await using scene = await createScene(300)
  const full = await scene.app.inject('/log/tile/entries/000')
  const partial = await scene.app.inject('/log/tile/0/001.p/44')

  expect(full.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'cache-control': 'public, max-age=31536000, immutable',
  })
  expect(partial.headers['cache-control']).toBe('public, max-age=3600')
  expect(partial.rawPayload).toHaveLength(44 * 32)
})

test.each(['0/002', '0/001.p/45', '0/0', 'entries/000.p/256', '1/000', 'x', '0/..%2f000'])(
  'there is no tile %s',
  async (path) => {
    await using scene = await createScene(300)
    const answer = await scene.app.inject(`/log/tile/${path}`)

    expect(answer.statusCode).toBe(404)
    expect(answer.json()).toMatchObject({ code: 'ERR_ROUTE_NOT_FOUND' })
    expect(answer.headers['cache-control']).toBe('no-store')
  },
)

test('entries are listed by place, no more than a page', async () => {
  await using scene = await createScene(300)
  const list = async (query: string): Promise<{ size: number; entries: { index: number }[] }> =>
    (await scene.app.inject(`/log/entries${query}`)).json()

  expect((await list('')).entries).toHaveLength(100)
  expect((await list('?start=0&end=9999')).entries).toHaveLength(256)
  expect((await list('?start=300')).entries).toEqual([])
  expect(await list('?start=298&end=400')).toMatchObject({
    size: 300,
    entries: [
      { index: 298, entry: { type: 'signature', requestId: 'request-298' } },
      { index: 299, entry: { key: { name: 'release', version: 1, kid: 'kid-1' } } },
    ],
  })
})

test('entries are found by label, the newest first, page by page', async () => {
  await using scene = await createScene(10)
  const find = async (query: string): Promise<number[]> => {
    const answer = await scene.app.inject(`/log/entries?label=${query}`)
    return answer.json<{ entries: { index: number }[] }>().entries.map(({ index }) => index)
  }

  expect(await find('kid:kid-1&limit=3')).toEqual([9, 8, 7])
  expect(await find('kid:kid-1&limit=3&before=2')).toEqual([1, 0])
  expect(await find(`digest:sha256:${'4'.padStart(64, '0')}`)).toEqual([4])
  expect(await find('jti:nobody')).toEqual([])
})

test.each([
  'label=a&start=1',
  'start=-1',
  'limit=0',
  'limit=257',
  'start=x',
  'start=1.5',
  'start=true',
  'start=1e1',
  'start=',
  'start=1&start=2',
  'label=%00',
  'label=',
])('a wrong question is refused: %s', async (question) => {
  await using scene = await createScene(0)
  const answer = await scene.app.inject(`/log/entries?${question}`)

  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ code: 'ERR_REQUEST_INVALID' })
})
