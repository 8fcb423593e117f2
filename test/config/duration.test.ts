import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDurationSeconds } from '../../src/config/duration.ts'
import { codeOf } from '../support/errors.ts'

test.each([
  ['1s', 1],
  ['30s', 30],
  ['15m', 900],
  ['1h', 3600],
  ['90d', 7_776_000],
  ['36500d', 3_153_600_000],
])('the duration %s is %d seconds', (text, seconds) => {
  expect(parseDurationSeconds(text)).toBe(seconds)
})

test.each(['', '0s', '01h', '90', 'd', '1.5h', '-1h', '+1h', ' 1h', '1h\n', '1H', '1h30m', '1y'])(
  'the text %j is not a duration',
  (text) => {
    expect(codeOf(() => parseDurationSeconds(text))).toBe('ERR_USAGE')
  },
)

test('a duration over 100 years is refused', () => {
  expect(codeOf(() => parseDurationSeconds('36501d'))).toBe('ERR_USAGE')
  expect(codeOf(() => parseDurationSeconds('999999999d'))).toBe('ERR_USAGE')
})

test('a text is a whole number of seconds above zero, or it is refused', () => {
  const texts = fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,12}[smhdy]?$/))
  fc.assert(
    fc.property(texts, (text) => {
      if (codeOf(() => parseDurationSeconds(text)) === 'ERR_USAGE') return
      expect(Number.isSafeInteger(parseDurationSeconds(text))).toBe(true)
      expect(parseDurationSeconds(text)).toBeGreaterThan(0)
    }),
  )
})
