import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rawMember } from '../../src/formats/raw-member.ts'

const find = (json: string, name = 'a'): string | undefined => rawMember(Buffer.from(json), name)

test.each([
  ['{"a":1.10}', '1.10'],
  ['{ "b" : "a" , "a" :\n [ 7.0 ] }', '[ 7.0 ]'],
  ['{"b":{"a":1},"a":{"a":2}}', '{"a":2}'],
  [String.raw`{"b\"":"}","\u0061":"\\"}`, String.raw`"\\"`],
  ['{"b":"a"}', undefined],
  ['{}', undefined],
  ['["a",{"a":1}]', undefined],
  ['"a"', undefined],
])('the member of %s is %s', (json, expected) => {
  expect(find(json)).toBe(expected)
})

test('the text found is that of the member, whatever the document', () => {
  const spaced = fc.tuple(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, '\t'))

  fc.assert(
    fc.property(spaced, fc.jsonValue(), fc.string(), ([others, indent], value, name) => {
      const document = Object.entries({ ...others, [name]: value })
      const json = JSON.stringify(Object.fromEntries(document), null, indent)
      expect(JSON.parse(find(json, name) ?? '')).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})
