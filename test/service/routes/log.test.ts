import type { FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import { digestOf } from '../../../src/crypto/digest.ts'
import { appendEntries } from '../../../src/log/append.ts'
import { openLogServer } from '../../../src/log/http-source.ts'
import { leafLabel } from '../../../src/log/public-leaf.ts'
import { verifyTransparencyLog } from '../../../src/log/verify-transparency.ts'
import { openStore } from '../../../src/store/open-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { stateEntry } from '../../support/log-entries.ts'
import { createService, startService, WORKFLOW_CREDENTIALS } from '../../support/service.ts'
import { signTransparency, TRANSPARENCY_KEY } from '../../support/signed-log.ts'

interface Scene extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly store: Store
}

/** A service on a store whose signed log has that many changes of a version. */
async function createScene(size: number): Promise<Scene> {
  const store: Store = await openStore('sqlite::memory:')
  const entries = Array.from({ length: size }, (_, index) =>
    stateEntry(index, {
      to: 'active',
      action: 'activate',
      sequence: index,
      reason: 'internal reason',
    }),
  )
  await store.transaction((records) => appendEntries(records, entries))
  await signTransparency(store)
  const app = await createService({ store })
  return {
    app,
    store,
    [Symbol.asyncDispose]: async () => {
      await app.close()
      await store[Symbol.asyncDispose]()
    },
  }
}

test('the transparency log verifies over HTTP without authentication', async () => {
  await using scene = await createScene(300)
  const url = await scene.app.listen({ host: '127.0.0.1', port: 0 })
  const source = openLogServer(url, { fetch: globalThis.fetch })

  const report = await verifyTransparencyLog({ source, log: { keys: [TRANSPARENCY_KEY] } })
  expect(report.leaves).toEqual({ state: 300 })
})

test('the public log reveals no callers, artifact names, reasons, tokens or denials', async () => {
  const { app, store, log } = await startService({
    keys: [
      { name: 'release', use: 'artifact' },
      { name: 'sessions', use: 'token' },
    ],
    policies: `permit (principal, action, resource) unless { resource.name == "hidden" };`,
    parts: { stamperOf: () => undefined },
  })
  const digest = digestOf(Buffer.from('an artifact'))
  const post = (url: string, payload: object): Promise<unknown> =>
    app.inject({ method: 'POST', url, headers: WORKFLOW_CREDENTIALS, payload })
  await post('/v1/keys/release/signatures', {
    artifacts: [{ digest, kind: 'file', name: 'unannounced-product.tar.gz' }],
  })
  await post('/v1/keys/sessions/tokens', { audience: 'https://internal.example' })
  await post('/v1/keys/sessions/signatures', { artifacts: [{ digest, kind: 'file' }] })

  expect((await log()).map(({ type }) => type)).toEqual(['signature', 'token', 'denial'])
  const { size } = await store.transparencyLog.head()
  const leaves = await store.transparencyLog.entries(0, size)
  const text = Buffer.concat([...leaves]).toString()
  expect(leaves).toHaveLength(1)
  expect(text).toContain('"kind":"hashedrekord"')
  for (const secret of ['unannounced', 'acme', 'internal.example', 'sessions', 'id-1', 'repo:']) {
    expect(text).not.toContain(secret)
  }
})

test('the checkpoint is a text that is not kept long', async () => {
  await using scene = await createScene(3)
  const answer = await scene.app.inject('/log/checkpoint')

  expect(answer.statusCode).toBe(200)
  expect(answer.headers).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'public, max-age=1',
  })
  expect(answer.body).toMatch(/^log\.example\n3\n/)
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
      { index: 298, entry: { kind: 'countersign-key-state', spec: { sequence: 298 } } },
      { index: 299, entry: { spec: { key: { name: 'release', version: 1, kid: 'kid-1' } } } },
    ],
  })
})

test('entries are found by label, the newest first, page by page', async () => {
  await using scene = await createScene(10)
  const find = async (query: string): Promise<number[]> => {
    const answer = await scene.app.inject(`/log/entries?label=${query}`)
    return answer.json<{ entries: { index: number }[] }>().entries.map(({ index }) => index)
  }

  expect(await find('state:kid-1&limit=3')).toEqual([9, 8, 7])
  expect(await find('state:kid-1&limit=3&before=2')).toEqual([1, 0])
  expect(await find('type:state')).toEqual([])
  expect(await find('state:missing')).toEqual([])
})

test('a leaf that no bundle proves is found by its hash', async () => {
  const { app, store } = await startService({
    keys: [{ name: 'release', use: 'artifact', algorithm: 'EdDSA' }],
    parts: { stamperOf: () => undefined },
  })
  const digest = digestOf(Buffer.from('an artifact'))
  await app.inject({
    method: 'POST',
    url: '/v1/keys/release/signatures',
    headers: WORKFLOW_CREDENTIALS,
    payload: { artifacts: [{ digest, kind: 'file' }] },
  })
  const [leaf = new Uint8Array()] = await store.transparencyLog.entries(0, 9)

  const answer = await app.inject(`/log/entries?label=${leafLabel(leaf)}`)

  expect(answer.json()).toEqual({
    size: 1,
    entries: [{ index: 0, entry: JSON.parse(Buffer.from(leaf).toString()) as unknown }],
  })
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
