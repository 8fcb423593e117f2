/**
 * What every store does, in the same cases under the same names, whatever database is below it.
 *
 * @packageDocumentation
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { openStore, type StoreOptions } from '../../src/store/open-store.ts'
import type { Store } from '../../src/store/store.ts'
import { codeOfAsync } from '../support/errors.ts'
import { testKeyRecords } from './key-records-contract.ts'
import { testLogRecords } from './log-records-contract.ts'
import { appendEntries, sampleKey } from './records.ts'
import { testRequestRecords } from './request-records-contract.ts'

/** Makes an empty database of its own for the running test; answers its URL. */
export type CreateDatabase = () => Promise<string>

/** Opens a store over an empty database, closed when the running test ends. */
export type OpenEmpty = (options?: StoreOptions) => Promise<Store>

/** Defines the tests for one kind of database. */
export function testStore(name: string, createDatabase: CreateDatabase): void {
  const openEmpty: OpenEmpty = async (options) => {
    const store = await openStore(await createDatabase(), { migrate: true, ...options })
    onTestFinished(() => store[Symbol.asyncDispose]())
    return store
  }
  describe(name, () => {
    testTransactions(openEmpty)
    testAnnouncements(openEmpty)
    testLocks(openEmpty)
    testOpening(createDatabase)
    testKeyRecords(openEmpty)
    testLogRecords(openEmpty)
    testRequestRecords(openEmpty)
  })
}

function testTransactions(openEmpty: OpenEmpty): void {
  test('a transaction answers what its work answers', async () => {
    const store = await openEmpty()

    expect(await store.transaction(() => Promise.resolve('done'))).toBe('done')
  })

  test('nothing of a transaction stays when its work rejects', async () => {
    const store = await openEmpty()
    const refusal = new CountersignError('ERR_NOT_ALLOWED', 'not today')

    const code = await codeOfAsync(() =>
      store.transaction(async ({ keys }) => {
        await keys.putKey(sampleKey('release'))
        throw refusal
      }),
    )

    expect(code).toBe('ERR_NOT_ALLOWED')
    expect(await store.transaction(({ keys }) => keys.keys())).toEqual([])
  })

  test('a statement that fails does not spoil the transactions after it', async () => {
    const store = await openEmpty()
    const orphan = { id: 'a', key: 'none', version: 1, uri: 'file:x', createdAt: new Date(0) }

    await expect(store.transaction(({ keys }) => keys.insertIntent(orphan))).rejects.toBeInstanceOf(
      Error,
    )

    expect(await store.transaction(({ keys }) => keys.sequence())).toBe(0)
  })

  test('reads outside a transaction never see what is not durable yet', async () => {
    const store = await openEmpty()
    const written = Promise.withResolvers<undefined>()
    const mayEnd = Promise.withResolvers<undefined>()
    const transaction = store.transaction(async (records) => {
      await appendEntries(records, [[]])
      written.resolve(undefined)
      await mayEnd.promise
    })
    await written.promise

    const duringTransaction = store.log.head()
    mayEnd.resolve(undefined)
    await transaction

    // A store in memory has but one connection, so its readers wait for the end.
    expect([0, 1]).toContain((await duringTransaction).size)
    expect((await store.log.head()).size).toBe(1)
  })

  test('transactions that append at once take different places, in one row', async () => {
    const store = await openEmpty()

    const sizes = await Promise.all(
      Array.from({ length: 20 }, () =>
        store.transaction((records) => appendEntries(records, [[], []])),
      ),
    )

    expect(sizes.toSorted((a, b) => a - b)).toEqual(sizes.map((_, index) => 2 * index + 2))
    expect(await store.log.entries(0, 100)).toHaveLength(40)
  })

  test('publications at once get different numbers', async () => {
    const store = await openEmpty()

    const numbers = await Promise.all(
      Array.from({ length: 10 }, () => store.transaction(({ keys }) => keys.nextSequence())),
    )

    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })
}

function testAnnouncements(openEmpty: OpenEmpty): void {
  test('an announcement is heard once its transaction is durable', async () => {
    const store = await openEmpty()
    const heard = Promise.withResolvers<number>()
    store.onAnnouncement(() => {
      const sequence = store.transaction(({ keys }) => keys.sequence())
      void sequence.then((number) => {
        if (number === 1) heard.resolve(number)
      })
    })

    await store.transaction(async ({ keys, announce }) => {
      await keys.nextSequence()
      announce()
    })

    expect(await heard.promise).toBe(1)
  })

  test('a listener that stopped hears nothing, and the others still do', async () => {
    const store = await openEmpty()
    const calls: string[] = []
    const stop = store.onAnnouncement(() => calls.push('first'))
    store.onAnnouncement(() => calls.push('second'))
    stop()

    await store.transaction(({ announce }) => {
      announce()
      return Promise.resolve()
    })

    expect(calls).toContain('second')
    expect(calls).not.toContain('first')
  })
}

function testLocks(openEmpty: OpenEmpty): void {
  test.each(['withLock', 'withLease'] as const)(
    'what %s holds keeps others from the work, until it is free again',
    async (take) => {
      const store = await openEmpty()
      const answers = await store[take]('scheduler', () =>
        Promise.all([
          store[take]('scheduler', () => Promise.resolve('second')),
          store[take]('another', () => Promise.resolve('other')),
        ]),
      )

      expect(answers).toEqual([undefined, 'other'])
      expect(await store[take]('scheduler', () => Promise.resolve('third'))).toBe('third')
    },
  )

  test.each(['withLock', 'withLease'] as const)(
    'work that fails gives back what %s holds',
    async (take) => {
      const store = await openEmpty()

      const failed = store[take]('scheduler', () =>
        Promise.reject(new CountersignError('ERR_NOT_ALLOWED', 'not today')),
      )

      expect(await codeOfAsync(() => failed)).toBe('ERR_NOT_ALLOWED')
      expect(await store[take]('scheduler', () => Promise.resolve('next'))).toBe('next')
    },
  )
}

function testOpening(createDatabase: CreateDatabase): void {
  test('a store that is closed says so, and closing it again does nothing', async () => {
    const store = await openStore(await createDatabase(), { migrate: true })
    await store[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()

    const calls = [
      () => store.ping(),
      () => store.log.head(),
      () => store.sweep(new Date(0)),
      () => store.transaction(() => Promise.resolve()),
      () => store.withLock('a', () => Promise.resolve()),
    ]
    const codes = await Promise.all(calls.map((call) => codeOfAsync(call)))

    expect(new Set(codes)).toEqual(new Set(['ERR_STORE_UNAVAILABLE']))
  })

  test('a database without the schema is refused where it may not be made', async () => {
    const opening = openStore(await createDatabase(), { migrate: false })

    await expect(opening).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      reason: 'schema-behind',
    })
  })

  test('a store answers a ping', async () => {
    await using store = await openStore(await createDatabase(), { migrate: true })

    await expect(store.ping()).resolves.toBeUndefined()
  })
}
