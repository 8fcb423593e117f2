import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createStampClock } from '../../src/timestamp/stamp-clock.ts'
import { codeOf } from '../support/errors.ts'

test('a time is a whole second, never before the moment it is asked for', () => {
  const clock = createStampClock(() => new Date('2026-03-04T05:06:07.001Z'))

  expect(clock.read().toISOString()).toBe('2026-03-04T05:06:08.000Z')
})

test('whatever the machine’s clock does, times never go back and stay within the accuracy', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5000, max: 5000 }), { maxLength: 50 }), (steps) => {
      let now = Date.UTC(2026, 0, 1)
      const clock = createStampClock(() => new Date(now))
      let last = -Infinity
      for (const step of steps) {
        now += step
        let time: number
        try {
          time = clock.read().getTime()
        } catch {
          continue
        }
        expect(time).toBeGreaterThanOrEqual(last)
        expect(Math.abs(time - now)).toBeLessThanOrEqual(clock.accuracySeconds * 1000)
        last = time
      }
    }),
  )
})

test('a clock that went back by more than the accuracy gives no time until it has caught up', () => {
  let now = new Date('2026-03-04T05:06:07Z')
  const clock = createStampClock(() => now)
  clock.read()

  now = new Date('2026-03-04T05:06:04.999Z')
  expect(codeOf(() => clock.read())).toBe('ERR_CLOCK')

  now = new Date('2026-03-04T05:06:05Z')
  expect(clock.read().toISOString()).toBe('2026-03-04T05:06:07.000Z')
})
