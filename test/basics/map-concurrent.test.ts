import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mapConcurrent } from '../../src/basics/map-concurrent.ts'

test('results keep the order of the items, whichever is done first', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.nat()),
      fc.integer({ min: 1, max: 9 }),
      async (scheduler, items, limit) => {
        const work = scheduler.scheduleFunction((item: number) => Promise.resolve(item * 2))

        const mapped = mapConcurrent(items, limit, work)

        expect(await scheduler.waitFor(mapped)).toEqual(items.map((item) => item * 2))
      },
    ),
  )
})

test('never more than the limit are at work', async () => {
  let atWork = 0
  let most = 0
  await mapConcurrent(Array.from({ length: 20 }), 3, async () => {
    atWork += 1
    most = Math.max(most, atWork)
    await Promise.resolve()
    atWork -= 1
  })

  expect(most).toBe(3)
})

test('after a failure nothing new begins, and what has begun ends first', async () => {
  const ended: number[] = []
  const mapped = mapConcurrent([1, 2, 3, 4], 2, async (item) => {
    if (item === 1) throw new Error('first')
    await Promise.resolve()
    ended.push(item)
  })

  await expect(mapped).rejects.toThrow('first')
  expect(ended).toEqual([2])
})
