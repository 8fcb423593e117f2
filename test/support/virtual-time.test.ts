import { expect, test } from 'vitest'
import { VirtualTime } from './virtual-time.ts'

test('workers wake in the order of their pauses, not of their start', async () => {
  const time = new VirtualTime(3)
  const woken: string[] = []
  const work = (name: string, ...pauses: number[]): Promise<void> =>
    time.run(async () => {
      for (const pause of pauses) {
        await time.pause(pause)
        woken.push(`${name}${pause}`)
      }
    })

  await Promise.all([work('a', 900), work('b', 100, 700), work('c', 500)])

  expect(woken).toEqual(['b100', 'c500', 'b700', 'a900'])
})
