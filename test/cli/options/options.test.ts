import { expect, test } from 'vitest'
import { collect, collectPairs, parseCount, readCommonFlags } from '../../../cli/options/shared.ts'

const USAGE = expect.objectContaining({ code: 'ERR_USAGE' }) as unknown

test('joined short options are read one by one', () => {
  expect(readCommonFlags(['verify', '-qv'])).toMatchObject({ quiet: true, verbose: true })
})

test('a common option behind -- is not read', () => {
  expect(readCommonFlags(['verify', '--', '-q', '--json'])).toMatchObject({
    quiet: false,
    json: false,
  })
})

test('pairs are collected, a value may hold "=" and be empty', () => {
  const pairs = collectPairs('empty=', collectPairs('query=a=b', undefined))

  expect(pairs).toEqual({ query: 'a=b', empty: '' })
})

test.each(['', 'name', '=value'])('"%s" is not a pair', (text) => {
  expect(() => collectPairs(text, undefined)).toThrow(USAGE)
})

test('a name with two values is refused, the same value twice is not', () => {
  const pairs = collectPairs('a=1', undefined)

  expect(collectPairs('a=1', pairs)).toEqual({ a: '1' })
  expect(() => collectPairs('a=2', pairs)).toThrow(USAGE)
})

test('values of a repeatable option keep their order', () => {
  expect(collect('b', collect('a', undefined))).toEqual(['a', 'b'])
})

test.each(['0', '11', '-1', '1.5', '1e1', '', ' 5', '99999999999999999999'])(
  '"%s" is not a count from 1 to 10',
  (text) => {
    expect(() => parseCount(1, 10)(text)).toThrow(USAGE)
  },
)

test('the bounds of a count are included', () => {
  expect([parseCount(1, 10)('1'), parseCount(1, 10)('10')]).toEqual([1, 10])
})
