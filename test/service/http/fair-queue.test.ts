import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairQueue } from '../../../src/service/http/fair-queue.ts'
import { MemoryLedger } from '../../../src/service/http/memory-ledger.ts'
import { codeOf, codeOfAsync } from '../../support/errors.ts'

const { signal } = new AbortController()

/** Enters, and notes it. */
function entering(queue: FairQueue, owner: string, entered: string[]): Promise<string> {
  return codeOfAsync(async () => {
    await queue.enter(owner, signal)
    entered.push(owner)
  })
}

/** Lets everything go on that can. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('one owner takes half of the places, and the rest stays free for others', async () => {
  const queue = new FairQueue({ maxConcurrent: 4, maxQueue: 4 })
  const entered: string[] = []
  for (const owner of ['a', 'a', 'a', 'b', 'a']) void entering(queue, owner, entered)
  await settle()

  expect(entered).toEqual(['a', 'a', 'b'])
  expect(await entering(queue, 'a', entered)).toBe('ERR_THROTTLED')
})

test('a released slot goes to the first caller below its share', async () => {
  const queue = new FairQueue({ maxConcurrent: 2, maxQueue: 4 })
  const entered: string[] = []
  for (const owner of ['a', 'b', 'a', 'c']) void entering(queue, owner, entered)
  await settle()

  queue.leave('b')
  await settle()

  expect(entered).toEqual(['a', 'b', 'c'])
})

test('a queue that is full refuses at once', async () => {
  const queue = new FairQueue({ maxConcurrent: 1, maxQueue: 1 })
  const entered: string[] = []
  for (const owner of ['a', 'b']) void entering(queue, owner, entered)

  expect(await entering(queue, 'c', entered)).toBe('ERR_OVERLOADED')
})

test('a wait that is over takes no place', async () => {
  const queue = new FairQueue({ maxConcurrent: 1, maxQueue: 1 })
  await queue.enter('a', signal)
  const controller = new AbortController()
  const left = codeOfAsync(() => queue.enter('b', controller.signal))
  controller.abort()

  expect(await left).toBe('ERR_CANCELLED')
  expect(await codeOfAsync(() => queue.enter('b', controller.signal))).toBe('ERR_CANCELLED')
  queue.leave('a')
  expect(await codeOfAsync(() => queue.enter('c', signal))).toBe('accepted')
})

test('no more than all slots are taken, no owner has more than half, and none is lost', async () => {
  const owner = fc.constantFrom('a', 'b', 'c')
  await fc.assert(
    fc.asyncProperty(
      fc.array(owner, { maxLength: 30 }),
      fc.integer({ min: 1, max: 6 }),
      async (owners, places) => {
        const queue = new FairQueue({ maxConcurrent: places, maxQueue: 100 })
        const running: string[] = []
        const all = owners.map((each) => entering(queue, each, running))
        await settle()
        for (let [first] = running; first !== undefined; [first] = running) {
          expect(running.length).toBeLessThanOrEqual(places)
          for (const each of running) {
            const mine = running.filter((other) => other === each)
            expect(mine.length).toBeLessThanOrEqual(Math.ceil(places / 2))
          }
          running.shift()
          queue.leave(first)
          await settle()
        }

        expect(running).toEqual([])
        expect(await Promise.all(all)).toEqual(owners.map(() => 'accepted'))
      },
    ),
  )
})

test('memory is refused over the bound of its owner, and over that of all', () => {
  const ledger = new MemoryLedger({ each: 10, all: 15 })
  ledger.take('a', 10)

  expect(
    codeOf(() => {
      ledger.take('a', 1)
    }),
  ).toBe('ERR_THROTTLED')
  expect(
    codeOf(() => {
      ledger.take('b', 6)
    }),
  ).toBe('ERR_OVERLOADED')
  ledger.give('a', 10)
  expect(
    codeOf(() => {
      ledger.take('b', 6)
    }),
  ).toBe('accepted')
  expect([ledger.of('a'), ledger.of('b')]).toEqual([0, 6])
})
