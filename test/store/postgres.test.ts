import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openStore, type StoreOptions } from '../../src/store/open-store.ts'
import type { Store } from '../../src/store/store.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createPostgres, type PostgresServer, query } from '../support/postgres.ts'
import { appendEntries, sampleKey, sampleVersion, storeKey } from './records.ts'
import { testStore } from './store-contract.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await createPostgres()
})

afterAll(() => server.stop())

testStore('PostgreSQL', () => server.createDatabase())

/** Two replicas over one new database. */
async function openReplicas(options: StoreOptions = {}): Promise<[Store, Store]> {
  const url = await server.createDatabase()
  const first = await openStore(url, { migrate: true, ...options })
  const second = await openStore(url, options)
  onTestFinished(() => first[Symbol.asyncDispose]())
  onTestFinished(() => second[Symbol.asyncDispose]())
  return [first, second]
}

/** Counts the calls of a listener; waits for the number it is asked for. */
function countCalls(store: Store): (calls: number) => Promise<void> {
  let calls = 0
  let check = (): void => undefined
  store.onAnnouncement(() => {
    calls += 1
    check()
  })
  return (expected) =>
    new Promise((resolve) => {
      check = () => {
        if (calls >= expected) resolve()
      }
      check()
    })
}

test('an announcement reaches the other replicas, and one that was rolled back does not', async () => {
  const [first, second] = await openReplicas({ pollMs: 60_000 })
  let calls = 0
  second.onAnnouncement(() => (calls += 1))
  // The first call comes once the replica listens.
  await countCalls(second)(1)
  const order: string[] = []
  const announce = (name: string): Promise<void> =>
    first.transaction((records) => {
      records.announce()
      order.push(name)
      return name === 'fails' ? Promise.reject(new Error('on purpose')) : Promise.resolve()
    })
  const before = calls

  await announce('fails').catch(() => undefined)
  const heard = countCalls(second)
  await announce('counts')
  await heard(1)

  expect(order).toEqual(['fails', 'counts'])
  expect(calls - before).toBe(1)
})

test('a change whose notification is lost is noticed all the same', async () => {
  const [first, second] = await openReplicas({ pollMs: 10 })
  const heard = countCalls(second)
  await heard(1)

  const over = new AbortController()
  const hearing = heard(2).finally(() => {
    over.abort()
  })
  // The first of them may come before the replica knows what there was to change.
  while (!over.signal.aborted) await first.transaction(({ keys }) => keys.nextSequence())

  await expect(hearing).resolves.toBeUndefined()
})

test('a lock that one replica holds keeps the others from the work', async () => {
  const [first, second] = await openReplicas()

  const inner = await first.withLock('scheduler', () =>
    second.withLock('scheduler', () => Promise.resolve('ran twice')),
  )

  expect(inner).toBeUndefined()
  expect(await second.withLock('scheduler', () => Promise.resolve('ran'))).toBe('ran')
})

test('a lease keeps the other replicas from the work, and ends by itself once its holder is gone', async () => {
  const [first, second] = await openReplicas()
  const begun = Promise.withResolvers<undefined>()
  const hangs = first.withLease('answer', () => {
    begun.resolve(undefined)
    return new Promise(() => undefined)
  })
  void hangs
  await begun.promise

  const inner = await second.withLease('answer', () => Promise.resolve('ran twice'))
  await first[Symbol.asyncDispose]()

  expect(inner).toBeUndefined()
  await expect
    .poll(() => second.withLease('answer', () => Promise.resolve('ran')), { timeout: 25_000 })
    .toBe('ran')
})

test('leases of many requests at once need no connection of their own', async () => {
  const [first, second] = await openReplicas()
  const names = Array.from({ length: 200 }, (_none, index) => `answer ${index}`)
  const all = Promise.withResolvers<undefined>()
  let held = 0

  const done = names.map((name) =>
    first.withLease(name, () => {
      held += 1
      if (held === names.length) all.resolve(undefined)
      return all.promise
    }),
  )
  await all.promise

  // More than the server takes connections.
  await expect(second.ping()).resolves.toBeUndefined()
  await Promise.all(done)
})

test('replicas that append at once write one log without gaps', async () => {
  const replicas = await openReplicas()

  const sizes = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      replicas[index % 2 === 0 ? 0 : 1].transaction((records) => appendEntries(records, [['a']])),
    ),
  )

  expect(new Set(sizes).size).toBe(40)
  expect(await replicas[0].log.find('a', { limit: 100 })).toHaveLength(40)
  expect((await replicas[1].log.head()).size).toBe(40)
})

test('the holder of a lock sees what the last holder wrote, also where there was no key yet', async () => {
  const replicas = await openReplicas()

  const outcomes = await Promise.all(
    replicas.map((store) =>
      store.transaction(async ({ keys }) => {
        await keys.lockKey('release')
        if ((await keys.versions('release')).length > 0) return 'found'
        await keys.putKey(sampleKey('release'))
        await keys.insertVersion(sampleVersion('release', 1, { state: 'active' }))
        return 'made'
      }),
    ),
  )

  expect(outcomes.toSorted()).toEqual(['found', 'made'])
})

test('transactions that deadlock are run again until both are done', async () => {
  const replicas = await openReplicas()
  const bothStarted = Promise.withResolvers<undefined>()
  let started = 0
  const orders = [
    ['a', 'b'],
    ['b', 'a'],
  ] as const

  const attempts = await Promise.all(
    replicas.map(async (store, index) => {
      let runs = 0
      await store.transaction(async ({ keys }) => {
        runs += 1
        const [one, other] = orders[index === 0 ? 0 : 1]
        await keys.lockKey(one)
        started += 1
        if (started === 2) bothStarted.resolve(undefined)
        await bothStarted.promise
        await keys.lockKey(other)
      })
      return runs
    }),
  )

  expect(attempts.toSorted()).toEqual([1, 2])
})

test('a caller waits no longer than the timeout for a lock', async () => {
  const url = await server.createDatabase()
  await using patient = await openStore(url, { migrate: true })
  await using hasty = await openStore(url, { timeoutMs: 1000 })

  const code = await patient.transaction(async ({ log }) => {
    await log.lockHead()
    return codeOfAsync(() => hasty.transaction((records) => records.log.lockHead()))
  })

  expect(code).toBe('ERR_STORE_UNAVAILABLE')
  await expect(hasty.ping()).resolves.toBeUndefined()
})

test('replicas that migrate at once make one schema', async () => {
  const url = await server.createDatabase()

  const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(url, { migrate: true })))
  await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()))

  const rows = await query(url, 'select name from countersign.countersign_migrations')
  expect(rows).toEqual([{ name: '0001-first-schema' }])
})

test('a schema that a later version made is refused', async () => {
  const url = await server.createDatabase()
  await storeKey(await openClosedLater(url), sampleKey('release'))
  await query(
    url,
    `insert into countersign.countersign_migrations values ('9999-later', now()::text)`,
  )

  const refusals = [{ migrate: true }, {}].map((options) =>
    codeOfAsync(() => openStore(url, options)),
  )

  expect(await Promise.all(refusals)).toEqual(['ERR_STORE_UNAVAILABLE', 'ERR_STORE_UNAVAILABLE'])
})

async function openClosedLater(url: string): Promise<Store> {
  const store = await openStore(url, { migrate: true })
  onTestFinished(() => store[Symbol.asyncDispose]())
  return store
}

test('a commit after a statement that failed is an error, not a silent rollback', async () => {
  const [store] = await openReplicas()

  const swallowing = store.transaction(async ({ keys }) => {
    const orphan = { id: 'a', key: 'none', version: 1, uri: 'file:x', createdAt: new Date(0) }
    await keys.insertIntent(orphan).catch(() => undefined)
  })

  await expect(swallowing).rejects.toThrow('failed before its commit')
})

test('a store tells the time of its server, in a transaction and out of one', async () => {
  const [store] = await openReplicas()
  const before = Date.now()

  const times = [await store.clock(), await store.transaction((records) => records.clock())]

  // The server runs on this machine; a millisecond is what rounding takes.
  for (const time of times) {
    expect(time?.getTime()).toBeGreaterThanOrEqual(before - 1)
    expect(time?.getTime()).toBeLessThanOrEqual(Date.now() + 1)
  }
})
