import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRotationPolicy } from '../../src/keys/policy.ts'
import { CheckedClock, type TimeSource } from '../../src/rotation/checked-clock.ts'
import { codeOfAsync } from '../support/errors.ts'

const START_MS = Date.parse('2026-11-25T10:00:00Z')
const LIMIT_MS = 5000

/** A machine, a store and a log, all of whose times a test sets. */
class Scene {
  /** How far the wall clock is from the truth. */
  offByMs = 0
  /** Time that passed. */
  passedMs = 0
  /** How far the store's clock is from the truth; undefined: it has none. */
  storeOffByMs: number | undefined
  latest: Date | undefined
  /** How long the store takes to answer. */
  answerMs = 0
  asked = 0

  readonly clock = new CheckedClock({
    machine: {
      now: () => new Date(START_MS + this.passedMs + this.offByMs),
      monotonicMs: () => this.passedMs,
    },
    keys: () => [
      { policy: createRotationPolicy('artifact', { signerLagSeconds: 60 }) },
      { policy: createRotationPolicy('artifact') },
    ],
  })

  readonly source: TimeSource = {
    log: { head: () => Promise.resolve({ size: 1, root: new Uint8Array(), latest: this.latest }) },
    clock: () => {
      this.asked += 1
      this.passedMs += this.answerMs / 2
      const truth = START_MS + this.passedMs
      this.passedMs += this.answerMs / 2
      return Promise.resolve(
        this.storeOffByMs === undefined ? undefined : new Date(truth + this.storeOffByMs),
      )
    },
  }

  check(): Promise<string> {
    return codeOfAsync(() => this.clock.check(this.source))
  }
}

const offset = fc.integer({ min: -3 * LIMIT_MS, max: 3 * LIMIT_MS })

test('a clock is accepted within the smallest L of the clock of the store', async () => {
  await fc.assert(
    fc.asyncProperty(offset, offset, async (offByMs, storeOffByMs) => {
      const scene = new Scene()
      Object.assign(scene, { offByMs, storeOffByMs })

      const isNear = Math.abs(offByMs - storeOffByMs) <= LIMIT_MS
      expect(await scene.check()).toBe(isNear ? 'accepted' : 'ERR_CLOCK')
    }),
  )
})

test('a clock is accepted if it is at most L behind the latest entry of the log', async () => {
  await fc.assert(
    fc.asyncProperty(offset, async (latestMs) => {
      const scene = new Scene()
      scene.latest = new Date(START_MS + latestMs)

      expect(await scene.check()).toBe(latestMs <= LIMIT_MS ? 'accepted' : 'ERR_CLOCK')
    }),
  )
})

test('a changed clock is detected even without a clock of the store, and accepted once it is set back', async () => {
  await fc.assert(
    fc.asyncProperty(offset, fc.nat({ max: 1e9 }), async (offByMs, passedMs) => {
      const scene = new Scene()
      Object.assign(scene, { passedMs, offByMs })

      expect(await scene.check()).toBe(Math.abs(offByMs) <= LIMIT_MS ? 'accepted' : 'ERR_CLOCK')
      scene.offByMs = 0
      expect(await scene.check()).toBe('accepted')
    }),
  )
})

test('the time is that of the store, carried on by the monotonic clock, whatever the wall clock shows', async () => {
  const scene = new Scene()
  scene.storeOffByMs = -60_000
  expect(await scene.check()).toBe('ERR_CLOCK')

  scene.passedMs += 1000
  scene.offByMs = 3_600_000

  expect(scene.clock.now()).toEqual(new Date(START_MS - 59_000))
})

test('a slow answer widens the tolerance by at most half its duration', async () => {
  const scene = new Scene()
  Object.assign(scene, { answerMs: 2000, storeOffByMs: 0 })

  scene.offByMs = LIMIT_MS + 1000
  expect(await scene.check()).toBe('accepted')
  scene.offByMs = LIMIT_MS + 1001
  expect(await scene.check()).toBe('ERR_CLOCK')
})

test('the store is asked once a second, and a jump in between is found without it', async () => {
  const scene = new Scene()
  scene.storeOffByMs = 0
  const assertRight = (): Promise<string> =>
    codeOfAsync(() => scene.clock.assertRight(scene.source))

  expect(await Promise.all([assertRight(), assertRight()])).toEqual(['accepted', 'accepted'])
  scene.passedMs += 999
  expect(await assertRight()).toBe('accepted')
  expect(scene.asked).toBe(1)
  scene.offByMs = 6000
  expect(await assertRight()).toBe('ERR_CLOCK')
  expect(scene.asked).toBe(1)
  scene.passedMs += 1
  expect(await assertRight()).toBe('ERR_CLOCK')
  expect(scene.asked).toBe(2)
})

test('a failed check is not used', async () => {
  const scene = new Scene()
  await scene.check()
  scene.latest = new Date(START_MS + 6000)
  expect(await scene.check()).toBe('ERR_CLOCK')

  expect(await codeOfAsync(() => scene.clock.assertRight(scene.source))).toBe('ERR_CLOCK')
})

test('a wrong clock is reported with its offset and what to do', async () => {
  const scene = new Scene()
  scene.latest = new Date(START_MS + 3_600_000)

  await expect(scene.clock.check(scene.source)).rejects.toMatchObject({
    code: 'ERR_CLOCK',
    retryable: true,
    message: 'the clock is 3600 s behind the latest entry of the log',
    hint: expect.stringContaining('docs/runbooks/clock.md') as string,
    details: { offsetMs: -3_600_000 },
  })
})

test('changes that stop signing take the time of the store if the clock is wrong', async () => {
  const scene = new Scene()
  Object.assign(scene, { offByMs: 3_600_000, storeOffByMs: 0 })

  expect(await scene.clock.checkOrEstimate(scene.source)).toEqual(new Date(START_MS))
})
