import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeSnappy } from '../../action/snappy.ts'
import { codeOf } from '../support/errors.ts'

const MAX = 1024

function decode(...bytes: readonly number[]): string {
  return Buffer.from(decodeSnappy(Buffer.from(bytes), MAX)).toString()
}

test('literals and copies are decoded, overlapping copies included', () => {
  // "ab", then 4 bytes from 2 before; then with a two-byte and with a four-byte offset.
  expect(decode(6, 1 << 2, 97, 98, 0x01, 2)).toBe('ababab')
  expect(decode(6, 1 << 2, 97, 98, (3 << 2) | 2, 2, 0)).toBe('ababab')
  expect(decode(6, 1 << 2, 97, 98, (3 << 2) | 3, 2, 0, 0, 0)).toBe('ababab')
})

test('a long literal says its length in bytes of its own', () => {
  const text = Buffer.alloc(100, 'x')

  expect(decode(100, 60 << 2, 99, ...text)).toBe(text.toString())
})

const REFUSED: readonly (readonly [string, readonly number[], string])[] = [
  ['nothing', [], 'ERR_BUNDLE_INVALID'],
  ['a length without an end', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 'ERR_BUNDLE_INVALID'],
  ['more than is taken', [0xff, 0xff, 0x7f], 'ERR_INPUT_TOO_LARGE'],
  ['a literal that is cut off', [4, 3 << 2, 97], 'ERR_BUNDLE_INVALID'],
  ['a copy that is cut off', [6, 1 << 2, 97, 98, (3 << 2) | 2, 2], 'ERR_BUNDLE_INVALID'],
  ['a copy from before the start', [6, 1 << 2, 97, 98, 0x01, 3], 'ERR_BUNDLE_INVALID'],
  ['a copy of nothing', [6, 1 << 2, 97, 98, 0x01, 0], 'ERR_BUNDLE_INVALID'],
  ['less than it says', [9, 0, 97], 'ERR_BUNDLE_INVALID'],
  ['more than it says', [1, 1 << 2, 97, 98], 'ERR_BUNDLE_INVALID'],
]

test.each(REFUSED)('%s is refused', (_what, bytes, code) => {
  expect(codeOf(() => decode(...bytes))).toBe(code)
})

test('any bytes are decoded within the limit or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const code = codeOf(() => decodeSnappy(bytes, MAX))
      expect(['accepted', 'ERR_BUNDLE_INVALID', 'ERR_INPUT_TOO_LARGE']).toContain(code)
    }),
  )
})
