import { expect, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import { VerdictCache } from '../../../src/service/operations/verdict-cache.ts'
import type { Verdict } from '../../../src/verification/verify-artifact.ts'

const GOOD = { ok: true, signatures: [{}], examined: [] } as unknown as Verdict
const BAD: Verdict = {
  ok: false,
  error: new CountersignError('ERR_SIGNATURE_INVALID', 'no'),
  examined: [],
}

/** A cache, and how often it had to ask. */
function countingCache(limit: number): {
  ask: (question: string, verdict?: Verdict, bundleBytes?: number) => Promise<number>
} {
  const cache = new VerdictCache({ entries: limit, bundleBytes: 100 })
  let count = 0
  return {
    ask: async (question, verdict = GOOD, bundleBytes = 1) => {
      await cache.get(question, bundleBytes, () => {
        count += 1
        return Promise.resolve(verdict)
      })
      return count
    },
  }
}

test('a good verdict is reused without a second check', async () => {
  const { ask } = countingCache(2)

  expect([await ask('a'), await ask('a')]).toEqual([1, 1])
})

test('a bad verdict is never remembered', async () => {
  const { ask } = countingCache(2)

  expect([await ask('a', BAD), await ask('a', BAD)]).toEqual([1, 2])
})

test('a long bundle is judged each time, so that no caller fills the memory', async () => {
  const { ask } = countingCache(2)

  expect([await ask('a', GOOD, 101), await ask('a', GOOD, 101)]).toEqual([1, 2])
  expect([await ask('b', GOOD, 100), await ask('b', GOOD, 100)]).toEqual([3, 3])
})

test('the least recently used verdict is dropped first', async () => {
  const { ask } = countingCache(2)
  await ask('a')
  await ask('b')
  await ask('a')
  await ask('c')

  expect([await ask('a'), await ask('c'), await ask('b')]).toEqual([3, 3, 4])
})
