import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { parseJson } from '../../src/formats/json.ts'

const code = (input: Uint8Array | string, limits = {}): string => {
  try {
    parseJson(input, limits)
    return 'accepted'
  } catch (error) {
    if (CountersignError.is(error)) return error.code
    throw error
  }
}

test('parseJson reads back whatever JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value, null, 1)
      expect(parseJson(text)).toStrictEqual(JSON.parse(text))
      expect(parseJson(Buffer.from(text))).toStrictEqual(JSON.parse(text))
    }),
  )
})

test('parseJson never throws anything but a CountersignError', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array()), (input) => {
      expect(['accepted', 'ERR_JSON_INVALID']).toContain(code(input))
    }),
    { numRuns: 2000 },
  )
})

test.each([
  '{"a":1,"a":2}',
  '{"a":1,"\\u0061":2}',
  '{"a" \n:1,"b":{"a":1},"a"\t:2}',
  '[{"x":{"y":1,"y":1}}]',
  '{"__proto__":1,"__proto__":2}',
  '{"\\\\":1,"\\\\":2}',
])('parseJson refuses a member named twice: %s', (text) => {
  expect(code(text)).toBe('ERR_JSON_INVALID')
})

test.each(['1e400', '[-1e400]', '{"a":{"b":1e999}}'])(
  'parseJson refuses a number that would be written again as null: %s',
  (text) => {
    expect(code(text)).toBe('ERR_JSON_INVALID')
  },
)

test.each([
  '{"a":{"a":1},"b":{"a":2}}',
  '[{"a":1},{"a":1}]',
  '{"a":"a","b":"a"}',
  '{"a":["a","b","a"]}',
  '{"a\\"":1,"a":2}',
  '{"\\\\":1,"\\\\\\\\":2}',
])(
  'parseJson accepts one name in different objects, and values that look like names: %s',
  (text) => {
    expect(code(text)).toBe('accepted')
  },
)

test('parseJson refuses a document over its size or depth', () => {
  expect(code('"' + 'x'.repeat(100) + '"', { maxBytes: 50 })).toBe('ERR_INPUT_TOO_LARGE')
  expect(code('['.repeat(65) + ']'.repeat(65))).toBe('ERR_JSON_INVALID')
  expect(code('['.repeat(64) + ']'.repeat(64))).toBe('accepted')
})

test('parseJson refuses a byte order mark and bytes that are not UTF-8', () => {
  expect(code(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31))).toBe('ERR_JSON_INVALID')
  expect(code(Uint8Array.of(0x22, 0xff, 0x22))).toBe('ERR_JSON_INVALID')
})
