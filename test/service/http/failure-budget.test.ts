import { expect, test } from 'vitest'
import type { ErrorCode } from '../../../src/errors.ts'
import { type Failure, FailureBudget } from '../../../src/service/http/failure-budget.ts'
import { CALLER } from '../../support/service.ts'

const at = (milliseconds: number): Date => new Date(milliseconds)

const budgetOf = (perWindow: number): FailureBudget =>
  new FailureBudget({ perWindow, windowMs: 1000, repeatMs: 100 })

const failure = (code: ErrorCode, about: Partial<Failure> = {}): Failure => ({
  ...{ caller: CALLER, action: 'sign', resource: 'release', code, reason: 'the service failed' },
  ...about,
})
const OUTAGE = failure('ERR_PROVIDER_UNAVAILABLE')

test('the same failure is written once in full, then counted, a minute at a time', () => {
  const budget = budgetOf(10)
  const admitted = [0, 0, 99, 100].map((time) => budget.admits('a', OUTAGE, at(time)))
  const early = budget.takeEnded(at(99))
  const first = budget.takeEnded(at(100))
  budget.admits('a', OUTAGE, at(150))
  const second = budget.takeEnded(at(200))

  expect(admitted).toEqual([true, false, false, false])
  expect(early).toEqual({ repeats: [], groups: [] })
  expect(first).toEqual({ repeats: [{ failure: OUTAGE, count: 3, since: at(0) }], groups: [] })
  expect(second.repeats).toEqual([{ failure: OUTAGE, count: 1, since: at(100) }])
})

test('after a quiet minute the same failure is written in full again', () => {
  const budget = budgetOf(10)
  budget.admits('a', OUTAGE, at(0))
  const quiet = budget.takeEnded(at(100))

  expect(quiet).toEqual({ repeats: [], groups: [] })
  expect(budget.admits('a', OUTAGE, at(101))).toBe(true)
})

test.each([
  ['caller', { caller: { ...CALLER, subject: 'other' } }],
  ['action', { action: 'attest' }],
  ['key', { resource: 'other' }],
  ['code', { code: 'ERR_TIMEOUT' }],
  ['reason', { reason: 'no policy permits it' }],
] as const)('a failure of another %s is another one', (_what, about) => {
  const budget = budgetOf(10)
  budget.admits('a', OUTAGE, at(0))

  expect(budget.admits('a', { ...OUTAGE, ...about }, at(0))).toBe(true)
})

test('failures over the bound of their group are counted by code', () => {
  const budget = budgetOf(2)
  const codes = ['ERR_NOT_ALLOWED', 'ERR_KEY_NOT_FOUND', 'ERR_NETWORK', 'ERR_TIMEOUT'] as const

  const admitted = codes.map((code) => budget.admits('a', failure(code), at(0)))
  expect(admitted).toEqual([true, true, false, false])
  expect(budget.admits('b', failure('ERR_TIMEOUT'), at(0))).toBe(true)
})

test('the counts of a group are taken once its window is over', () => {
  const budget = budgetOf(0)
  for (const code of ['ERR_NETWORK', 'ERR_TIMEOUT'] as const)
    budget.admits('a', failure(code), at(0))
  const counts = new Map([
    ['ERR_NETWORK', 1],
    ['ERR_TIMEOUT', 1],
  ])

  expect(budget.takeEnded(at(999)).groups).toEqual([])
  expect(budget.takeEnded(at(1000)).groups).toEqual([{ group: 'a', counts }])
  expect(budget.takeEnded(at(1000)).groups).toEqual([])
})

test('counts are entries of their group: over its bound they are added to what it counts', () => {
  const budget = budgetOf(1)
  for (let count = 0; count < 5; count += 1) budget.admits('a', OUTAGE, at(0))

  expect(budget.takeEnded(at(100))).toEqual({ repeats: [], groups: [] })
  expect(budget.takeAll(at(101))).toEqual({
    repeats: [],
    groups: [{ group: 'a', counts: new Map([['ERR_PROVIDER_UNAVAILABLE', 4]]) }],
  })
})

test('a window that counted nothing makes room for the next', () => {
  const budget = budgetOf(1)
  const admitted = [0, 1000].map((time) =>
    budget.admits('a', failure('ERR_NOT_ALLOWED', { reason: `reason ${time}` }), at(time)),
  )

  expect(admitted).toEqual([true, true])
})

test('counts are never lost: a window lasts until it is collected', () => {
  const budget = budgetOf(0)
  for (const time of [0, 5000]) budget.admits('a', OUTAGE, at(time))

  expect(budget.takeEnded(at(5000)).groups).toEqual([
    { group: 'a', counts: new Map([['ERR_PROVIDER_UNAVAILABLE', 2]]) },
  ])
})
