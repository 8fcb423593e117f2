import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { byDepth } from '../../tools/test/depth.ts'
import { LIFECYCLE } from '../../src/keys/lifecycle.ts'
import { liveHistory } from '../support/rotation/history.ts'
import { BROKEN_RULES, RULES, type Rules } from '../support/rotation/rules.ts'
import { Violation } from '../support/rotation/world.ts'

const HISTORIES = byDepth(process.env, 20_000, 100_000)
const MOST_TO_FIND = 40_000

/** Histories lived, and how often each change of state was made in them. */
let lived = 0
const changes = new Map<string, number>()

// Histories are full of refusals, and the stack of each costs more than the rule.
const { stackTraceLimit } = Error
Error.stackTraceLimit = 0

const holds = (rules: Rules) =>
  fc.property(
    fc.array(fc.nat(0xffff), { minLength: 40, maxLength: 150, size: 'max' }),
    (numbers) => {
      lived++
      for (const change of liveHistory(numbers, rules)) {
        changes.set(change, (changes.get(change) ?? 0) + 1)
      }
    },
  )

afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit
  const counts = [...changes].map(([change, count]) => `${change}: ${count}`)
  process.stdout.write(`rotation: ${lived} histories lived (${counts.join(', ')})\n`)
})

test('no history breaks an invariant of rotation', { timeout: 300_000 }, () => {
  fc.assert(holds(RULES), { numRuns: HISTORIES })
})

test('the histories make every change of state there is', () => {
  // A move to another location changes no state and no time.
  const timed = LIFECYCLE.filter(({ action }) => action !== 'relocate')
  const rare = timed.filter(({ from, to }) => (changes.get(`${from} ${to}`) ?? 0) < 20)

  expect(rare).toEqual([])
})

describe('the model notices a broken rule', () => {
  test.each(Object.entries(BROKEN_RULES))('%s', (_what, rules) => {
    const found = fc.check(holds(rules), { numRuns: MOST_TO_FIND, seed: 2, endOnFailure: true })

    expect(found.failed).toBe(true)
    expect(found.errorInstance).toBeInstanceOf(Violation)
  })
})
