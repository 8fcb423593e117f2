import { expect, test } from 'vitest'
import { Lanes } from '../../../../src/providers/pkcs11/host/lanes.ts'
import type { Pkcs11Uri } from '../../../../src/providers/pkcs11/uri.ts'

const tokenOf = (token: string): Pkcs11Uri => ({ scheme: 'pkcs11', token })

/** Work that ends when the test says so. */
function openWork(): {
  readonly work: () => Promise<void>
  readonly end: () => void
  begun: number
} {
  const { promise, resolve }: PromiseWithResolvers<void> = Promise.withResolvers()
  const opened = {
    begun: 0,
    end: resolve,
    work: () => {
      opened.begun += 1
      return promise
    },
  }
  return opened
}

test('of one token as many calls run as it has sessions, of another as many again', async () => {
  const lanes = new Lanes(2)
  const { work, end, ...opened } = openWork()
  const counted = (): Promise<void> => {
    opened.begun += 1
    return work()
  }

  const first = Array.from({ length: 5 }, () => lanes.run(tokenOf('a'), counted, undefined))
  const second = Array.from({ length: 5 }, () => lanes.run(tokenOf('b'), counted, undefined))
  await Promise.resolve()
  const begun = opened.begun
  end()
  await Promise.all([...first, ...second])

  expect(begun).toBe(4)
  expect(opened.begun).toBe(10)
})

test('a caller that leaves the queue takes no turn', async () => {
  const lanes = new Lanes(1)
  const held = openWork()
  const left = openWork()
  const caller = new AbortController()

  const holding = lanes.run(tokenOf('a'), held.work, undefined)
  const leaving = lanes.run(tokenOf('a'), left.work, caller.signal)
  caller.abort()
  await expect(leaving).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  held.end()
  await holding

  expect(left.begun).toBe(0)
  await lanes.run(tokenOf('a'), () => Promise.resolve(), undefined)
})

test('a turn that was left goes to the next only when its work is done', async () => {
  const lanes = new Lanes(1)
  const held = openWork()
  const next = openWork()
  const caller = new AbortController()

  const leaving = lanes.run(tokenOf('a'), held.work, caller.signal)
  const waiting = lanes.run(tokenOf('a'), next.work, undefined)
  caller.abort()
  await expect(leaving).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  const before = next.begun
  held.end()
  next.end()
  await waiting

  expect([before, next.begun]).toEqual([0, 1])
})

test('work that fails gives its turn on', async () => {
  const lanes = new Lanes(1)

  const failing = lanes.run(tokenOf('a'), () => Promise.reject(new Error('no')), undefined)
  const next = lanes.run(tokenOf('a'), () => Promise.resolve('done'), undefined)

  await expect(failing).rejects.toThrow('no')
  expect(await next).toBe('done')
})
