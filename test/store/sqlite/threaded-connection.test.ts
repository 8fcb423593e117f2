import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import type { SqliteConnection } from '../../../src/store/sqlite/connection.ts'
import { openThreadedConnection } from '../../../src/store/sqlite/threaded-connection.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

interface Opened {
  readonly path: string
  readonly connection: SqliteConnection
  readonly thread: Worker
}

async function open(): Promise<Opened> {
  const path = join(createTempFolder(), 'store.db')
  const started = once(process, 'worker') as Promise<[Worker]>
  const connection = await openThreadedConnection(path, { timeoutMs: 60_000 })
  onTestFinished(() => connection.close())
  const [thread] = await started
  return { path, connection, thread }
}

test('the event loop goes on while a statement waits', async () => {
  const { path, connection } = await open()
  const other = new DatabaseSync(path)
  other.exec('begin immediate')
  let hasBegun = false

  const begun = connection.run('begin immediate').then(() => (hasBegun = true))
  for (let turn = 0; turn < 100; turn += 1) await setImmediate()
  const hadBegun = hasBegun
  other.exec('rollback')
  other.close()
  await begun

  expect([hadBegun, hasBegun]).toEqual([false, true])
})

test('bytes cross without what lies beside them in memory', async () => {
  const { connection } = await open()
  const bytes = Buffer.from('a secret beside it').subarray(9, 15)

  const { rows } = await connection.run('select ? as bytes', [bytes])

  expect(rows).toEqual([{ bytes: Uint8Array.from(Buffer.from('beside')) }])
})

test('a thread that ends is an outage for every call, and can be closed', async () => {
  const { path, connection, thread } = await open()
  const other = new DatabaseSync(path)
  other.exec('begin immediate')
  const waiting = codeOfAsync(() => connection.run('begin immediate'))

  const ended = thread.terminate()
  other.close()
  await ended

  expect(await waiting).toBe('ERR_STORE_UNAVAILABLE')
  expect(await codeOfAsync(() => connection.run('select 1'))).toBe('ERR_STORE_UNAVAILABLE')
  await expect(connection.close()).resolves.toBeUndefined()
})

test('a connection that is closed twice is closed', async () => {
  const { connection } = await open()

  await connection.close()

  await expect(connection.close()).resolves.toBeUndefined()
})

test('a file that can not be opened leaves no thread behind', async () => {
  const started = once(process, 'worker') as Promise<[Worker]>
  const missing = join(createTempFolder(), 'missing', 'store.db')

  const code = await codeOfAsync(() => openThreadedConnection(missing, { timeoutMs: 0 }))
  const [thread] = await started

  expect(code).toBe('ERR_STORE_UNAVAILABLE')
  // What has ended has no number any more.
  expect(thread.threadId).toBe(-1)
})
