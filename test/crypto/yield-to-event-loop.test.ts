import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { nextTurn } from '../../src/crypto/yield-to-event-loop.ts'

test('each of ten concurrent callers gets its own round of the event loop', async () => {
  let round = 0
  const rounds = new Set<number>()
  const over = new AbortController()
  const counted = (async () => {
    for (; !over.signal.aborted; round += 1) await setImmediate()
  })()

  const pieces = Array.from({ length: 10 }, async () => {
    await nextTurn()
    rounds.add(round)
  })
  await Promise.all(pieces)
  over.abort()
  await counted

  expect(rounds.size).toBe(10)
})
