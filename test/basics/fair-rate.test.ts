import { afterEach, beforeEach, expect, test } from 'vitest'
import { FairRate } from '../../src/basics/fair-rate.ts'
import { codeOfAsync } from '../support/errors.ts'
import { ManualTimer } from '../support/manual-timer.ts'

const PATIENT = 1_000_000

let now: number
let timer: ManualTimer
let admitted: string[]

beforeEach(() => {
  now = 0
  timer = new ManualTimer()
  admitted = []
})

afterEach(() => {
  expect(timer.running).toBeLessThanOrEqual(1)
})

const createRate = (perSecond: number): FairRate =>
  new FairRate({ perSecond, now: () => now, startTimer: timer.start })

function enter(rate: FairRate, owner: string, signal?: AbortSignal): Promise<void> {
  return rate.enter({ owner, maxWaitMs: PATIENT, signal }).then(() => void admitted.push(owner))
}

/** Lets time pass in steps of a ms, and what is admitted go on. */
async function pass(ms: number, each: () => void = () => undefined): Promise<void> {
  for (let step = 0; step < ms; step += 1) {
    now += 1
    timer.advance(1)
    each()
    await Promise.resolve().then(() => Promise.resolve())
  }
}

test('no second has more admissions than the rate, and the rate is used', async () => {
  const rate = createRate(50)
  const at: number[] = []
  for (let number = 0; number < 300; number += 1) {
    void rate.enter({ owner: 'a', maxWaitMs: PATIENT }).then(() => at.push(now))
  }

  await pass(5000)

  const inSecond = at.map((start) => at.filter((other) => other >= start && other < start + 1000))
  expect(Math.max(...inSecond.map(({ length }) => length))).toBeLessThanOrEqual(50)
  expect(at.length).toBeGreaterThanOrEqual(5 * 45)
})

test('a polite owner beside a greedy one gets all that it gets alone', async () => {
  const count = async (isAlone: boolean): Promise<number> => {
    const rate = createRate(50)
    const before = admitted.length
    if (!isAlone) for (let number = 0; number < 2000; number += 1) void enter(rate, 'greedy')
    // Ten a second, a fifth of the rate, for ten seconds.
    await pass(10_000, () => {
      if (now % 100 === 0) void enter(rate, 'polite')
    })
    await pass(200)
    return admitted.slice(before).filter((owner) => owner === 'polite').length
  }

  const alone = await count(true)
  const beside = await count(false)

  expect(alone).toBe(100)
  expect(beside).toBeGreaterThanOrEqual(95)
})

test('owners take turns, in the order they came', async () => {
  const rate = createRate(10)
  await enter(rate, 'first')
  for (const owner of ['a', 'a', 'a', 'b', 'b', 'c']) void enter(rate, owner)

  await pass(2000)

  expect(admitted).toEqual(['first', 'a', 'b', 'c', 'a', 'b', 'a'])
})

test('what would wait too long is refused at once, by the turns of its own owner', async () => {
  const rate = createRate(10)
  for (let number = 0; number < 20; number += 1) void enter(rate, 'greedy')

  const refusal = rate.enter({ owner: 'greedy', maxWaitMs: 1000 })

  await expect(refusal).rejects.toMatchObject({
    code: 'ERR_THROTTLED',
    details: { retryAfterSeconds: 3 },
  })
  let isIn = false
  void rate.enter({ owner: 'polite', maxWaitMs: 1000 }).then(() => (isIn = true))
  await pass(300)
  expect(isIn).toBe(true)
})

test('an owner that leaves takes no turn', async () => {
  const rate = createRate(10)
  const abort = new AbortController()
  await enter(rate, 'first')
  const left = codeOfAsync(() => enter(rate, 'left', abort.signal))
  void enter(rate, 'stays')

  abort.abort()

  expect(await left).toBe('ERR_CANCELLED')
  expect(await codeOfAsync(() => enter(rate, 'late', abort.signal))).toBe('ERR_CANCELLED')
  await pass(120)
  expect(admitted).toEqual(['first', 'stays'])
})

test('a clock that is set back admits no more and no fewer than the rate', async () => {
  const rate = createRate(10)
  await enter(rate, 'first')
  now -= 3_600_000
  void enter(rate, 'second')

  await pass(120)

  expect(admitted).toEqual(['first', 'second'])
})
