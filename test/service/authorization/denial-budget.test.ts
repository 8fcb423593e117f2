import { expect, test } from 'vitest'
import { DenialBudget } from '../../../src/service/authorization/denial-budget.ts'

const at = (milliseconds: number): Date => new Date(milliseconds)

function budget(): DenialBudget {
  return new DenialBudget({ perWindow: 2, windowMs: 1000 })
}

test('denials over the bound of their group are counted by code', () => {
  const denials = budget()
  const codes = ['ERR_NOT_ALLOWED', 'ERR_NOT_ALLOWED', 'ERR_NOT_ALLOWED', 'ERR_TIMEOUT'] as const

  expect(codes.map((code) => denials.admits('a', code, at(0)))).toEqual([true, true, false, false])
  expect(denials.admits('b', 'ERR_TIMEOUT', at(0))).toBe(true)
  expect(denials.takeEnded(at(999))).toEqual([])
  expect(denials.takeEnded(at(1000))).toEqual([
    {
      group: 'a',
      counts: new Map([
        ['ERR_NOT_ALLOWED', 1],
        ['ERR_TIMEOUT', 1],
      ]),
    },
  ])
  expect(denials.takeEnded(at(1000))).toEqual([])
})

test('a window that counted nothing makes room for the next', () => {
  const denials = budget()
  const admitted = [0, 0, 1000, 1000, 1000].map((time) =>
    denials.admits('a', 'ERR_NOT_ALLOWED', at(time)),
  )

  expect(admitted).toEqual([true, true, true, true, false])
})

test('counts are never lost: a window lasts until it is collected', () => {
  const denials = budget()
  for (const time of [0, 0, 0, 5000, 5000]) denials.admits('a', 'ERR_NOT_ALLOWED', at(time))

  expect(denials.takeEnded(at(5000))).toEqual([
    { group: 'a', counts: new Map([['ERR_NOT_ALLOWED', 3]]) },
  ])
  expect(denials.admits('a', 'ERR_NOT_ALLOWED', at(5000))).toBe(true)
})
