import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseTime } from '../../../cli/options/time.ts'
import { codeOf } from '../../support/errors.ts'

const NOW = new Date('2026-11-22T10:00:00Z')

test.each([
  ['2026-11-20', '2026-11-20T00:00:00.000Z'],
  ['2026-11-20T09:30Z', '2026-11-20T09:30:00.000Z'],
  ['2026-11-20T09:30:15.5+02:00', '2026-11-20T07:30:15.500Z'],
  ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ['7d', '2026-11-15T10:00:00.000Z'],
  ['36h', '2026-11-20T22:00:00.000Z'],
  ['15m', '2026-11-22T09:45:00.000Z'],
])('on 22 November at ten, %s is the time %s', (text, time) => {
  expect(parseTime(text, NOW).toISOString()).toBe(time)
})

test.each([
  ['2026-02-31', 'there is no such day'],
  ['2026-02-31T10:00:00Z', 'there is no such day'],
  ['2027-02-29', 'there is no such day'],
  ['2026-13-01', 'there is no such month'],
  ['2026-11-22T24:00Z', 'an hour that some read as the next day'],
  ['2026-11-22T10:00:00', 'a time without its zone'],
  ['7', 'a number without its unit'],
  ['-7d', 'a time to come'],
  ['1w', 'an unknown unit'],
  ['36501d', 'over 100 years'],
  ['yesterday', 'a word'],
  ['', 'nothing'],
])('"%s" is not a time: %s', (text) => {
  expect(codeOf(() => parseTime(text, NOW))).toBe('ERR_USAGE')
})

test('every time as JavaScript writes it is read as itself, and its date as the start of its day', () => {
  const times = fc.date({
    noInvalidDate: true,
    min: new Date('0001-01-01'),
    max: new Date('9999-12-31'),
  })
  fc.assert(
    fc.property(times, (time) => {
      const text = time.toISOString()
      expect(parseTime(text, NOW)).toEqual(time)
      expect(parseTime(text.slice(0, 10), NOW).toISOString()).toBe(
        `${text.slice(0, 10)}T00:00:00.000Z`,
      )
    }),
  )
})

test('a day of a month that has none such is refused, in any year', () => {
  for (const text of ['0002-09-38', '2026-02-31', '2026-13-01']) {
    expect(codeOf(() => parseTime(text, NOW))).toBe('ERR_USAGE')
  }
})

test('a day is read as that day, or refused', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^\d{4}-\d\d-\d\d(T\d\d:\d\dZ)?$/), (text) => {
      if (codeOf(() => parseTime(text, NOW)) === 'ERR_USAGE') return
      expect(parseTime(text, NOW).toISOString().slice(0, 10)).toBe(text.slice(0, 10))
    }),
  )
})
