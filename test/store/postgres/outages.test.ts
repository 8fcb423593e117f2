import { createServer, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import { openStore, type StoreOptions } from '../../../src/store/open-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { codeOfAsync } from '../../support/errors.ts'
import {
  createPostgres,
  POSTGRES_PASSWORD,
  type PostgresServer,
  query,
} from '../../support/postgres.ts'
import { appendEntries } from '../records.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await createPostgres()
})

afterAll(() => server.stop())

async function openEmpty(options: StoreOptions = {}): Promise<Store> {
  const store = await openStore(await server.createDatabase(), { migrate: true, ...options })
  onTestFinished(() => store[Symbol.asyncDispose]())
  return store
}

/** Appends one labelled entry after the other until told to stop; answers what was acknowledged, and all errors. */
async function appendUntil(
  store: Store,
  writer: number,
  isOver: () => boolean,
): Promise<{ readonly acknowledged: string[]; readonly codes: Set<string> }> {
  const acknowledged: string[] = []
  const codes = new Set<string>()
  for (let count = 0; !isOver(); count += 1) {
    const label = `writer ${writer} entry ${count}`
    const code = await codeOfAsync(() =>
      store.transaction((records) => appendEntries(records, [[label]])),
    )
    if (code === 'accepted') acknowledged.push(label)
    else codes.add(code)
  }
  return { acknowledged, codes }
}

test.each(['restart', 'crash'] as const)(
  'a %s of the server under load loses nothing that was acknowledged, and passes by itself',
  async (kind) => {
    const store = await openEmpty()
    let isOver = false
    const writers = Promise.all([1, 2, 3, 4].map((w) => appendUntil(store, w, () => isOver)))
    await untilSize(store, 20)

    if (kind === 'crash') {
      await server.crash()
      await server.start()
    } else await server.restart()
    await untilSize(store, (await sizeWhenBack(store)) + 20)
    isOver = true
    const results = await writers

    const codes = new Set(results.flatMap((result) => [...result.codes]))
    expect([...codes].filter((code) => code !== 'ERR_STORE_UNAVAILABLE')).toEqual([])
    const labels = results.flatMap(({ acknowledged }) => acknowledged)
    const found = await Promise.all(labels.map((label) => store.log.find(label, { limit: 2 })))
    expect(found.filter((indices) => indices.length !== 1)).toEqual([])
    const { size } = await store.log.head()
    expect(await store.log.entries(0, size + 1)).toHaveLength(size)
  },
)

async function untilSize(store: Store, size: number): Promise<void> {
  while ((await sizeWhenBack(store)) < size);
}

async function sizeWhenBack(store: Store): Promise<number> {
  for (;;) {
    try {
      return (await store.log.head()).size
    } catch (error) {
      if (!CountersignError.is(error, 'ERR_STORE_UNAVAILABLE')) throw error
    }
  }
}

test('everything says that the store is unavailable while the server is away', async () => {
  const store = await openEmpty()
  await server.crash()

  const codes = await Promise.all(
    [
      () => store.ping(),
      () => store.log.head(),
      () => store.transaction(() => Promise.resolve()),
      () => store.withLock('a', () => Promise.resolve()),
      () => store.sweep(new Date(0)),
      () => openStore(server.url),
    ].map((call) => codeOfAsync(call)),
  )
  await server.start()

  expect(new Set(codes)).toEqual(new Set(['ERR_STORE_UNAVAILABLE']))
  await expect(store.ping()).resolves.toBeUndefined()
})

test('listeners are called once the server is back, for what they may have missed', async () => {
  const store = await openEmpty({ pollMs: 60_000 })
  let called = Promise.withResolvers<undefined>()
  store.onAnnouncement(() => {
    called.resolve(undefined)
  })
  await called.promise
  called = Promise.withResolvers<undefined>()

  await server.restart()

  await expect(called.promise).resolves.toBeUndefined()
})

test('work that holds a lock is told when it may hold it no longer, and does not count as done', async () => {
  const store = await openEmpty()

  const code = await codeOfAsync(() =>
    store.withLock('scheduler', async (lost) => {
      const told = new Promise((resolve) => {
        lost.addEventListener('abort', resolve)
      })
      await server.restart()
      await told
    }),
  )

  expect(code).toBe('ERR_STORE_UNAVAILABLE')
  expect(await store.withLock('scheduler', () => Promise.resolve('next'))).toBe('next')
})

test('a session that the server ends in the middle of a transaction takes nothing with it', async () => {
  const url = await server.createDatabase()
  await using store = await openStore(url, { migrate: true })

  const code = await codeOfAsync(() =>
    store.transaction(async (records) => {
      await appendEntries(records, [[]])
      const others = `datname = current_database() and pid <> pg_backend_pid()`
      await query(url, `select pg_terminate_backend(pid) from pg_stat_activity where ${others}`)
      await records.log.head()
    }),
  )

  expect(code).toBe('ERR_STORE_UNAVAILABLE')
  expect((await store.log.head()).size).toBe(0)
})

test.each([
  ['a wrong password', (url: string) => url.replace(POSTGRES_PASSWORD, 'wrong-secret')],
  ['an unknown user', (url: string) => url.replace('postgres:', 'unknown:')],
  ['an unknown database', (url: string) => `${url}_missing`],
  ['TLS where the server has none', (url: string) => `${url}?sslmode=require`],
])('%s is named without the password', async (_, change) => {
  const url = change(server.url).replace('unknown://', 'postgres://')
  const refusal: unknown = await openStore(url).catch((error: unknown) => error)

  expect(refusal).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  expect(inspect(refusal, { depth: 9 })).not.toMatch(/wrong-secret|countersign-test-password/)
})

test('a password may come beside the URL, with any characters', async () => {
  const url = await server.createDatabase()
  await query(url, `create role other login superuser password 'p@ss:w%rd/ü'`)
  const bare = url.replace(`postgres:${POSTGRES_PASSWORD}@`, 'other@')

  await using store = await openStore(bare, { migrate: true, password: 'p@ss:w%rd/ü' })

  await expect(store.ping()).resolves.toBeUndefined()
})

test('a server that accepts and says nothing is waited for no longer than the timeout', async () => {
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => sockets.add(socket))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const address = silent.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0

  const opening = openStore(`postgres://user@127.0.0.1:${port}/db`, { timeoutMs: 50 })

  expect(await codeOfAsync(() => opening)).toBe('ERR_STORE_UNAVAILABLE')
})
