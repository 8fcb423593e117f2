import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairQueue, type Place } from '../../../src/service/http/fair-queue.ts'
import { MemoryLedger } from '../../../src/service/http/memory-ledger.ts'
import { Shares } from '../../../src/service/http/shares.ts'
import { codeOf, codeOfAsync } from '../../support/errors.ts'

const { signal } = new AbortController()
const one = (): number => 1
const at = (owner: string, part = ''): Place => ({ owner, part })

/** Enters, and notes it. */
function entering(queue: FairQueue, owner: string, entered: string[]): Promise<string> {
  return codeOfAsync(async () => {
    await queue.enter(at(owner), signal)
    entered.push(owner)
  })
}

/** Lets everything go on that can. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('one owner takes half of the places, and the rest stays free for others', async () => {
  const queue = new FairQueue({ maxConcurrent: 4, maxQueue: 4, parts: one })
  const entered: string[] = []
  for (const owner of ['a', 'a', 'a', 'b', 'a']) void entering(queue, owner, entered)
  await settle()

  expect(entered).toEqual(['a', 'a', 'b'])
  expect(await entering(queue, 'a', entered)).toBe('ERR_THROTTLED')
})

test('a released slot goes to the first caller below its share', async () => {
  const queue = new FairQueue({ maxConcurrent: 2, maxQueue: 4, parts: one })
  const entered: string[] = []
  for (const owner of ['a', 'b', 'a', 'c']) void entering(queue, owner, entered)
  await settle()

  queue.leave(at('b'))
  await settle()

  expect(entered).toEqual(['a', 'b', 'c'])
})

test('a queue that is full refuses at once', async () => {
  const queue = new FairQueue({ maxConcurrent: 1, maxQueue: 1, parts: one })
  const entered: string[] = []
  for (const owner of ['a', 'b']) void entering(queue, owner, entered)

  expect(await entering(queue, 'c', entered)).toBe('ERR_OVERLOADED')
})

test('a wait that is over takes no place', async () => {
  const queue = new FairQueue({ maxConcurrent: 1, maxQueue: 1, parts: one })
  await queue.enter(at('a'), signal)
  const controller = new AbortController()
  const left = codeOfAsync(() => queue.enter(at('b'), controller.signal))
  controller.abort()

  expect(await left).toBe('ERR_CANCELLED')
  expect(await codeOfAsync(() => queue.enter(at('b'), controller.signal))).toBe('ERR_CANCELLED')
  queue.leave(at('a'))
  expect(await codeOfAsync(() => queue.enter(at('c'), signal))).toBe('accepted')
})

test('no more than all slots are taken, no owner has more than half, and none is lost', async () => {
  const owner = fc.constantFrom('a', 'b', 'c')
  await fc.assert(
    fc.asyncProperty(
      fc.array(owner, { maxLength: 30 }),
      fc.integer({ min: 1, max: 6 }),
      async (owners, places) => {
        const queue = new FairQueue({ maxConcurrent: places, maxQueue: 100, parts: one })
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
          queue.leave(at(first))
          await settle()
        }

        expect(running).toEqual([])
        expect(await Promise.all(all)).toEqual(owners.map(() => 'accepted'))
      },
    ),
  )
})

test('memory is refused over the bound of its owner, and over that of all', () => {
  const ledger = new MemoryLedger({ each: 10, all: 15, parts: one })
  ledger.take(at('a'), 10)

  expect(
    codeOf(() => {
      ledger.take(at('a'), 1)
    }),
  ).toBe('ERR_THROTTLED')
  expect(
    codeOf(() => {
      ledger.take(at('b'), 6)
    }),
  ).toBe('ERR_OVERLOADED')
  ledger.give(at('a'), 10)
  expect(
    codeOf(() => {
      ledger.take(at('b'), 6)
    }),
  ).toBe('accepted')
  expect([ledger.of('a'), ledger.of('b')]).toEqual([0, 6])
})

test('a key that keeps its places leaves each other key some', async () => {
  const queue = new FairQueue({ maxConcurrent: 12, maxQueue: 12, parts: () => 3 })
  const outcomes: string[] = []
  const enter = async (owner: string, part: string): Promise<void> => {
    outcomes.push(`${part} ${await codeOfAsync(() => queue.enter(at(owner, part), signal))}`)
  }
  // 6 in common and 2 of its own, running and waiting; each owner has at most half.
  for (let count = 0; count < 20; count += 1) void enter(`owner ${count}`, 'hangs')
  await settle()
  for (const part of ['works', 'works', '', '']) await enter(`owner of ${part}`, part)

  expect(outcomes).toEqual([
    ...Array.from({ length: 8 }, () => 'hangs accepted'),
    ...Array.from({ length: 4 }, () => 'hangs ERR_OVERLOADED'),
    ...['works accepted', 'works accepted', ' accepted', ' accepted'],
  ])
})

test('one key alone takes the common part whole, and never what others have', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.boolean()), { maxLength: 80 }),
      (capacity, parts, steps) => {
        const shares = new Shares(capacity, () => parts)
        const own = Math.floor(capacity / 2 / parts)
        const used = new Map<string, number>()
        for (const [part, takes] of steps) {
          const name = String(part % parts)
          const mine = used.get(name) ?? 0
          if (takes && shares.fits(name)) {
            shares.take(name)
            used.set(name, mine + 1)
          } else if (!takes && mine > 0) {
            shares.give(name)
            used.set(name, mine - 1)
          }
          expect(shares.total).toBeLessThanOrEqual(capacity)
          expect(shares.total).toBe([...used.values()].reduce((sum, each) => sum + each, 0))
          for (let each = 0; each < parts; each += 1) {
            const hasRoom = (used.get(String(each)) ?? 0) < own
            if (hasRoom) expect(shares.fits(String(each))).toBe(true)
          }
        }
      },
    ),
  )
})
