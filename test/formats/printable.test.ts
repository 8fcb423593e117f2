import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable } from '../../src/formats/printable.ts'

test('ordinary text, of any language, stays as it is', () => {
  expect(printable('Schlüssel “release” — 鍵 🔑')).toBe('Schlüssel “release” — 鍵 🔑')
})

test('an escape sequence, a line end and a right-to-left mark become visible', () => {
  expect(printable('\u001b[2Ja\nb\u202e')).toBe('\\u{1b}[2Ja\\u{a}b\\u{202e}')
})

test('whatever goes in, one line without control characters comes out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    }),
  )
})
