/**
 * What throws inside a callback of native code reaches the caller as a rejection: a promise left pending
 * would keep a place in the queue for ever, and an exception that nothing catches ends the process.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resolveAlgorithm } from '../../src/crypto/algorithms.ts'
import { createFileBackend } from '../../src/providers/file/backend.ts'
import { SessionPool } from '../../src/providers/pkcs11/native/session-pool.ts'
import { pollForChange } from '../../src/store/postgres/announcements.ts'
import { openThreadedConnection } from '../../src/store/sqlite/threaded-connection.ts'
import { testKeyPair } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'

test('a signature that does not fit the pinned curve is a rejection, not the end of the process', async () => {
  const { privateKey } = testKeyPair('ES384')
  const backend = createFileBackend(resolveAlgorithm('ES256'), privateKey)

  await expect(backend.signMessage?.(Buffer.from('message'), {})).rejects.toMatchObject({
    code: 'ERR_SIGNATURE_INVALID',
  })
})

test('a value that cannot be sent to the thread of the database fails only its own call', async () => {
  const connection = await openThreadedConnection(join(createTempFolder(), 'a.db'), {
    timeoutMs: 1000,
  })

  const [failed, ...answers] = await Promise.allSettled([
    connection.run('select ? as value', [() => undefined]),
    connection.run('select ? as value', [1]),
    connection.run('select ? as value', [2]),
  ])
  await connection.close()

  expect(failed.status).toBe('rejected')
  expect(answers.map((answer) => answer.status === 'fulfilled' && answer.value.rows)).toEqual([
    [{ value: 1 }],
    [{ value: 2 }],
  ])
})

test('a session that cannot be closed fails the close of its pool, which settles', async () => {
  const failure = new Error('the module is broken')
  const source = {
    open: () => Buffer.of(1),
    close: () => {
      throw failure
    },
  }
  const pool = new SessionPool(source, 1)
  const work = Promise.withResolvers<string>()
  const lent = pool.use(() => work.promise)
  const closing = pool.close(new Error('closed'))
  work.resolve('signed')

  const ends = await Promise.allSettled([lent, closing])

  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})

test('idle sessions that cannot be closed are all dropped', async () => {
  let closed = 0
  const source = {
    open: () => Buffer.of(1),
    close: () => {
      closed += 1
      throw new Error('the module is broken')
    },
  }
  const pool = new SessionPool(source, 2)
  await Promise.all([pool.use(() => Promise.resolve()), pool.use(() => Promise.resolve())])

  await expect(pool.close(new Error('closed'))).rejects.toThrow('broken')
  await pool.close(new Error('closed again'))

  expect(closed).toBe(2)
})

test('a listener that throws gets the change again, and the watch continues', async () => {
  const stop = new AbortController()
  const numbers = [1, 2, 2, 2, 3]
  const seen: number[] = []
  let current = 0
  const read = (): Promise<number> => {
    current = numbers.shift() ?? current
    if (numbers.length === 0 && seen.at(-1) === current) stop.abort()
    return Promise.resolve(current)
  }
  const listener = (): void => {
    seen.push(current)
    if (seen.length === 1) throw new Error('the listener is broken')
  }

  await pollForChange(read, listener, { everyMs: 1, signal: stop.signal })

  expect(seen).toEqual([2, 2, 3])
})
