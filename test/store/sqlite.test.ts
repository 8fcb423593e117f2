import {
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../src/store/open-store.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { appendEntries, sampleKey, storeKey } from './records.ts'
import { testStore } from './store-contract.ts'

function createUrl(): string {
  return `sqlite:${join(createTempFolder(), 'store.db')}`
}

testStore('SQLite in a file', () => Promise.resolve(createUrl()))

testStore('SQLite in memory', () => Promise.resolve('sqlite::memory:'))

test('what was committed is there when the file is opened again', async () => {
  const url = createUrl()
  {
    await using store = await openStore(url)
    await storeKey(store, sampleKey('release'))
    await store.transaction((records) => appendEntries(records, [['a']]))
  }

  await using again = await openStore(url)

  expect(await again.transaction(({ keys }) => keys.keys())).toEqual([sampleKey('release')])
  expect(await again.log.find('a', { limit: 1 })).toEqual([0])
})

test('a file has one store at a time, whatever name it is opened by', async () => {
  const folder = createTempFolder()
  const path = join(folder, 'store.db')
  const first = await openStore(`sqlite:${path}`)
  symlinkSync(path, join(folder, 'alias.db'))

  await expect(openStore(`sqlite:${join(folder, 'alias.db')}`)).rejects.toMatchObject({
    code: 'ERR_STORE_UNAVAILABLE',
    message: expect.stringContaining(`another process uses ${path}`) as string,
  })
  await first[Symbol.asyncDispose]()
  await using second = await openStore(`sqlite:${path}`)
  await expect(second.ping()).resolves.toBeUndefined()
})

test('a new file is for its owner alone', async () => {
  const url = createUrl()
  await using store = await openStore(url)
  await storeKey(store, sampleKey('release'))
  const path = url.slice('sqlite:'.length)

  const modes = ['', '-wal', '-shm'].map((suffix) => statSync(`${path}${suffix}`).mode & 0o777)

  expect(modes).toEqual([0o600, 0o600, 0o600])
})

test('reads of the log go on while a transaction takes its time', async () => {
  await using store = await openStore(createUrl())
  const mayEnd = Promise.withResolvers<undefined>()
  const transaction = store.transaction(async (records) => {
    await appendEntries(records, [[]])
    await mayEnd.promise
  })

  const { size } = await store.log.head()
  mayEnd.resolve(undefined)
  await transaction

  expect(size).toBe(0)
})

test('a caller waits no longer than the timeout for a transaction that hangs', async () => {
  await using store = await openStore(createUrl(), { timeoutMs: 50 })
  const mayEnd = Promise.withResolvers<undefined>()
  const hanging = store.transaction(() => mayEnd.promise)

  const code = await codeOfAsync(() => store.transaction(() => Promise.resolve()))
  mayEnd.resolve(undefined)
  await hanging

  expect(code).toBe('ERR_STORE_UNAVAILABLE')
  expect(await codeOfAsync(() => store.transaction(() => Promise.resolve()))).toBe('accepted')
})

test('a transaction that fails announces nothing', async () => {
  await using store = await openStore(createUrl())
  let calls = 0
  store.onAnnouncement(() => (calls += 1))

  await store
    .transaction(({ announce }) => {
      announce()
      return Promise.reject(new Error('on purpose'))
    })
    .catch(() => undefined)

  expect(calls).toBe(0)
})

test('a schema that a later version made is refused, and left as it is', async () => {
  const url = createUrl()
  await (await openStore(url))[Symbol.asyncDispose]()
  const raw = new DatabaseSync(url.slice('sqlite:'.length))
  onTestFinished(() => {
    raw.close()
  })
  raw.exec(`insert into countersign_migrations values ('9999-later', '2030-01-01T00:00:00.000Z')`)

  for (const migrate of [true, false]) {
    await expect(openStore(url, { migrate })).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      message: expect.stringContaining('newer than this version, by 9999-later') as string,
    })
  }
})

test('a file that is no database is refused', async () => {
  const path = join(createTempFolder(), 'store.db')
  writeFileSync(
    path,
    'certainly not a database, and longer than a page header would be '.repeat(20),
  )

  expect(await codeOfAsync(() => openStore(`sqlite:${path}`))).toBe('ERR_STORE_UNAVAILABLE')
})

test('a folder that is not there is named', async () => {
  const path = join(createTempFolder(), 'missing', 'store.db')

  await expect(openStore(`sqlite:${path}`)).rejects.toMatchObject({
    code: 'ERR_STORE_UNAVAILABLE',
    message: expect.stringContaining(path) as string,
  })
})

test.each(['sqlite:', 'mysql://user:secret@host/db', 'store.db'])(
  'a URL of no known kind is refused without quoting it: %s',
  async (url) => {
    const refusal = await openStore(url).catch((error: unknown) => error)

    expect(refusal).toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    expect(String(refusal)).not.toContain('secret')
  },
)

test('a store in this process has no clock of its own', async () => {
  await using store = await openStore(createUrl())

  expect(await store.clock()).toBeUndefined()
  expect(await store.transaction((records) => records.clock())).toBeUndefined()
})

test.each([
  [
    'deleted',
    (path: string) => {
      rmSync(path)
    },
  ],
  [
    'replaced by a copy',
    (path: string) => {
      copyFileSync(path, `${path}.copy`)
      renameSync(`${path}.copy`, path)
    },
  ],
])('nothing is written into a file that was %s, and the reason is said', async (_what, change) => {
  const url = createUrl()
  await using store = await openStore(url)
  await storeKey(store, sampleKey('release'))
  change(url.slice('sqlite:'.length))

  const write = (): Promise<unknown> =>
    store.transaction((records) => appendEntries(records, [['a']]))
  const moved = {
    code: 'ERR_STORE_UNAVAILABLE',
    message: expect.stringContaining('moved, deleted or replaced') as string,
  }

  await expect(write()).rejects.toMatchObject(moved)
  await expect(store.ping()).rejects.toMatchObject(moved)
})

test('a file that can not be locked is an outage with a reason, and no bug', async () => {
  const folder = createTempFolder()
  const path = join(folder, 'store.db')
  mkdirSync(`${path}-lock`)

  expect(await codeOfAsync(() => openStore(`sqlite:${path}`))).toBe('ERR_STORE_UNAVAILABLE')
})
