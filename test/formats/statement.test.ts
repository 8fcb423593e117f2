import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { createSubject, parseStatement, serializeStatement } from '../../src/formats/statement.ts'
import { codeOf } from '../support/errors.ts'

const subjects = fc.uniqueArray(
  fc
    .tuple(fc.uint8Array(), fc.option(fc.string({ minLength: 1 }), { nil: undefined }))
    .map(([bytes, name]) => createSubject(digestOf(bytes), name === undefined ? {} : { name })),
  { minLength: 1, maxLength: 5, selector: (subject) => JSON.stringify(subject) },
)
const predicates = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => structuredClone(value))

test('a statement is read back as it was written', () => {
  fc.assert(
    fc.property(subjects, fc.webUrl(), predicates, (subject, predicateType, predicate) => {
      const plain = JSON.parse(JSON.stringify(predicate)) as Record<string, never>
      const bytes = serializeStatement({ subjects: subject, predicateType, predicate: plain })
      const parsed = parseStatement(bytes)
      expect(parsed.subjects).toStrictEqual(subject)
      expect(parsed.predicateType).toBe(predicateType)
      expect(JSON.stringify(parsed.predicate)).toBe(JSON.stringify(plain))
    }),
  )
})

test('parseStatement never throws anything but a CountersignError', () => {
  const near = fc.record(
    {
      _type: fc.constantFrom('https://in-toto.io/Statement/v1', '', 7),
      subject: fc.jsonValue(),
      predicateType: fc.oneof(fc.string(), fc.jsonValue()),
      predicate: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(near, (value) => {
      expect(['accepted', 'ERR_STATEMENT_INVALID']).toContain(
        codeOf(() => parseStatement(Buffer.from(JSON.stringify(value)))),
      )
    }),
    { numRuns: 1000 },
  )
})

const valid = (change: object): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'a', digest: { sha256: 'ab'.repeat(32) } }],
      predicateType: 'https://example.com/p',
      predicate: {},
      ...change,
    }),
  )

test.each([
  ['upper-case hex', { subject: [{ digest: { sha256: 'AB'.repeat(32) } }] }],
  ['a digest of another length', { subject: [{ digest: { sha512: 'ab'.repeat(32) } }] }],
  ['a digest that is not a string', { subject: [{ digest: { sha256: 7 } }] }],
  ['a subject that is not an object', { subject: ['a'] }],
  ['a predicate that is a list', { predicate: [] }],
  ['over 1024 subjects', { subject: Array(1025).fill({ digest: { a: 'b' } }) }],
])('a statement with %s is refused', (_, change) => {
  expect(codeOf(() => parseStatement(valid(change)))).toBe('ERR_STATEMENT_INVALID')
})

test('a statement that names a member twice is refused', () => {
  const text = Buffer.from(valid({}))
    .toString()
    .replace('"predicate":', '"predicateType":"x","predicate":')
  expect(codeOf(() => parseStatement(Buffer.from(text)))).toBe('ERR_JSON_INVALID')
})

test('a statement that names a subject twice is never written', () => {
  const subject = createSubject(digestOf(Buffer.from('a')), { name: 'a' })
  const write = (): unknown =>
    serializeStatement({ subjects: [subject, subject], predicateType: 'x:y', predicate: {} })
  expect(codeOf(write)).toBe('ERR_STATEMENT_INVALID')
})
