import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { type JsonLimits, parseJson } from '../../src/formats/json.ts'
import { parseJsonInTurns } from '../../src/formats/json-in-turns.ts'
import { JsonMeter } from '../../src/formats/json-meter.ts'
import { codeOfAsync, errorOf } from '../support/errors.ts'

/** What a parser makes of a text: its value as JSON, order of members included, or the code of its error. */
async function outcomeOf(parse: () => unknown): Promise<string> {
  try {
    return JSON.stringify(await parse())
  } catch (error) {
    return CountersignError.is(error) ? error.code : String(error)
  }
}

const inTurns = (text: string, limits?: JsonLimits): Promise<unknown> =>
  parseJsonInTurns(Buffer.from(text), limits, 0)

const jsonText = fc
  .json({ maxDepth: 4 })
  .chain((text) =>
    fc.constantFrom(text, ` ${text}\n`, text.replaceAll(',', ' ,\t').replaceAll(':', ' : ')),
  )

test('a text read in turns is what it is read at once', async () => {
  await fc.assert(
    fc.asyncProperty(jsonText, async (text) => {
      expect(await outcomeOf(() => inTurns(text))).toBe(await outcomeOf(() => parseJson(text)))
    }),
  )
})

test('a text with a character too many or changed is refused by both readers, or by none', async () => {
  const change = fc.constantFrom(
    '',
    '"',
    '\\',
    ',',
    ':',
    '{',
    '}',
    '[',
    ']',
    '0',
    '-',
    'e',
    '\u0000',
  )
  const damaged = fc.tuple(jsonText, fc.nat(), change, fc.nat(1)).map(([text, place, by, cut]) => {
    const at = place % (text.length + 1)
    return `${text.slice(0, at)}${by}${text.slice(at + cut)}`
  })
  await fc.assert(
    fc.asyncProperty(damaged, async (text) => {
      expect(await outcomeOf(() => inTurns(text))).toBe(await outcomeOf(() => parseJson(text)))
    }),
    { numRuns: 1000 },
  )
})

test.each([
  ['a member named twice', '{"a":{"b":1,"b":2}}'],
  ['the same name by an escape', '{"a":1,"\\u0061":2}'],
  ['a prototype named twice', '{"__proto__":1,"__proto__":2}'],
  ['a number out of range', '[1e400]'],
  ['65 arrays in each other', `${'['.repeat(65)}${']'.repeat(65)}`],
  ['a string without an end', '["a'],
  ['nothing', ' '],
  ['two values', '1 2'],
])('%s is refused in turns', async (_what, text) => {
  expect(await codeOfAsync(() => inTurns(text))).toBe('ERR_JSON_INVALID')
})

test('a member called __proto__ is a member, and changes nothing else', async () => {
  const value = await inTurns('{"__proto__":{"admin":true}}')

  expect(Object.keys(value as object)).toEqual(['__proto__'])
  expect((value as { admin?: boolean }).admin).toBeUndefined()
})

test('64 arrays in each other are read', async () => {
  const text = `${'['.repeat(64)}${']'.repeat(64)}`

  expect(await outcomeOf(() => inTurns(text))).toBe(text)
})

test('a text of more values than are taken is refused before it is parsed', async () => {
  const text = `[${'{},'.repeat(999)}{`

  const error = errorOf(() => parseJson(text, { maxValues: 1000 }))

  expect(error).toMatchObject({ code: 'ERR_INPUT_TOO_LARGE', details: { maxValues: 1000 } })
  expect(await codeOfAsync(() => inTurns(text, { maxValues: 1000 }))).toBe('ERR_INPUT_TOO_LARGE')
})

/** Values in a document that was parsed. */
function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce<number>((sum, inner) => sum + countValues(inner), 1)
}

test('a meter counts no fewer values than there are, however the text is cut', () => {
  fc.assert(
    fc.property(fc.json(), fc.array(fc.nat()), (text, cuts) => {
      const bytes = Buffer.from(text)
      const meter = new JsonMeter()
      let from = 0
      for (const to of cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b)) {
        meter.add(bytes.subarray(from, to))
        from = to
      }
      meter.add(bytes.subarray(from))
      const empty = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '0').match(/\[\]|\{\}/g)?.length ?? 0

      expect(meter.values).toBe(countValues(JSON.parse(text)) + empty)
    }),
  )
})

test('others have their turn while a long text is parsed', async () => {
  let turns = 0
  let isParsed = false
  const count = (): void => {
    turns += 1
    if (!isParsed) setImmediate(count)
  }
  setImmediate(count)

  await parseJsonInTurns(Buffer.from(`[${'{},'.repeat(100_000)}{}]`))
  isParsed = true

  expect(turns).toBeGreaterThanOrEqual(10)
})
