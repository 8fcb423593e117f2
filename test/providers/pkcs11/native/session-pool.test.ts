import { expect, test } from 'vitest'
import type { Handle } from '../../../../src/providers/pkcs11/native/cryptoki.ts'
import { SessionPool } from '../../../../src/providers/pkcs11/native/session-pool.ts'
import { pkcs11Error } from '../../../support/cryptoki.ts'

/** A token that gives numbered sessions, up to `capacity`. */
function fakeToken(capacity = Infinity) {
  const open = new Set<Handle>()
  return {
    open,
    source: {
      open: () => {
        if (open.size >= capacity) throw pkcs11Error(0xb1, 'CKR_SESSION_COUNT')
        const session = Buffer.from([open.size])
        open.add(session)
        return session
      },
      close: (session: Handle) => void open.delete(session),
    },
  }
}

/** Work that ends on request. */
function openEnded() {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  return {
    work: () => promise,
    end: () => {
      resolve(undefined)
    },
  }
}

test('a pool opens sessions on demand and lends them again', async () => {
  const token = fakeToken()
  const pool = new SessionPool(token.source, 4)

  const first = await pool.use((session) => session)
  const second = await pool.use((session) => session)

  expect(second).toBe(first)
  expect(token.open.size).toBe(1)
})

test('a pool never opens more sessions than its limit, and serves callers in turn', async () => {
  const token = fakeToken()
  const pool = new SessionPool(token.source, 2)
  const served: number[] = []

  const work = Array.from({ length: 10 }, (_, index) =>
    pool.use(async () => {
      await Promise.resolve()
      served.push(index)
    }),
  )
  await Promise.all(work)

  expect(token.open.size).toBe(2)
  expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('a pool makes do with as many sessions as the token gives', async () => {
  const token = fakeToken(1)
  const pool = new SessionPool(token.source, 4)

  const answers = await Promise.all([1, 2, 3].map((number) => pool.use(() => number)))

  expect(answers).toEqual([1, 2, 3])
})

test('a pool of a token without a free session fails', async () => {
  const pool = new SessionPool(fakeToken(0).source, 4)

  await expect(pool.use(() => 1)).rejects.toMatchObject({ code: 0xb1 })
})

test('a session comes back whether its work fails at once or later', async () => {
  const pool = new SessionPool(fakeToken().source, 1)
  const failure = new Error('the work failed')

  await expect(
    pool.use(() => {
      throw failure
    }),
  ).rejects.toBe(failure)
  await expect(pool.use(() => Promise.reject(failure))).rejects.toBe(failure)

  expect(await pool.use(() => 'served')).toBe('served')
})

test('a caller that aborts while waiting is released, and the next one is served', async () => {
  const pool = new SessionPool(fakeToken().source, 1)
  const running = openEnded()
  const caller = new AbortController()

  const first = pool.use(running.work)
  const gone = pool.use(() => 'never', caller.signal)
  const next = pool.use(() => 'next')
  caller.abort()
  running.end()

  await expect(gone).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  expect(await next).toBe('next')
  await first
})

test('a caller whose signal is aborted already does not wait', async () => {
  const pool = new SessionPool(fakeToken().source, 1)
  const running = openEnded()
  const first = pool.use(running.work)

  await expect(pool.use(() => 1, AbortSignal.abort())).rejects.toMatchObject({
    code: 'ERR_CANCELLED',
  })

  running.end()
  await first
})

test('a caller that aborts during the work is released; the session is reused after it', async () => {
  const pool = new SessionPool(fakeToken().source, 1)
  const running = openEnded()
  const caller = new AbortController()

  const gone = pool.use(running.work, caller.signal)
  const next = pool.use((session) => session.length)
  await Promise.resolve()
  caller.abort()

  await expect(gone).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  running.end()
  expect(await next).toBe(1)
})

test('closing a pool waits for the work under way and turns waiters away', async () => {
  const token = fakeToken()
  const pool = new SessionPool(token.source, 1)
  const running = openEnded()
  const reason = new Error('closed')
  const first = pool.use(running.work)
  const waiting = pool.use(() => 'never')
  const refused = expect(waiting).rejects.toBe(reason)
  await Promise.resolve()

  const closed = pool.close(reason)
  expect(token.open.size).toBe(1)
  running.end()
  await first
  await closed

  await refused
  expect(token.open.size).toBe(0)
  await expect(pool.use(() => 1)).rejects.toBe(reason)
})

test('closing a pool whose sessions have died does not fail', async () => {
  const token = fakeToken()
  const close = (): never => {
    throw pkcs11Error(0xb3, 'CKR_SESSION_HANDLE_INVALID')
  }
  const pool = new SessionPool({ ...token.source, close }, 1)
  await pool.use(() => 1)

  await expect(pool.close(new Error('closed'))).resolves.toBeUndefined()
})
