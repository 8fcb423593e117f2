import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Anchor,
  type AnchoredLog,
  EMPTY_ANCHOR,
  mergeAnchors,
  parseAnchor,
  serializeAnchor,
} from '../../src/rotation/anchor.ts'
import { LOG_ROLES } from '../../src/log/log-roles.ts'
import { codeOf } from '../support/errors.ts'

const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
const name = fc.constantFrom('a', 'b', 'c', 'd')
const time = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })

const log: fc.Arbitrary<AnchoredLog> = fc.record({
  log: fc.constantFrom(...LOG_ROLES),
  origin: name,
  size: fc.nat(),
  root: bytes,
})

const anchor: fc.Arbitrary<Anchor> = fc.record({
  sequence: fc.nat(),
  logs: fc.uniqueArray(log, { selector: ({ log, origin }) => `${log} ${origin}` }),
  revoked: fc.dictionary(name, time).map((dates) => new Map(Object.entries(dates))),
})

function sizeOf({ logs }: Anchor, { log, origin }: AnchoredLog): number {
  return logs.find((each) => each.log === log && each.origin === origin)?.size ?? 0
}

test('a written anchor is read back', () => {
  fc.assert(
    fc.property(anchor, (before) => {
      const text = serializeAnchor(before)
      expect(serializeAnchor(parseAnchor(Buffer.from(text)))).toBe(text)
    }),
  )
})

test('two merged anchors are behind neither, and undo no revocation', () => {
  fc.assert(
    fc.property(anchor, anchor, (one, other) => {
      const both = mergeAnchors(one, other)
      for (const each of [one, other]) {
        expect(both.sequence).toBeGreaterThanOrEqual(each.sequence)
        for (const log of each.logs) {
          expect(sizeOf(both, log)).toBeGreaterThanOrEqual(log.size)
        }
        for (const [kid, since] of each.revoked) {
          expect(both.revoked.get(kid)?.getTime()).toBeLessThanOrEqual(since.getTime())
        }
      }
      expect(serializeAnchor(mergeAnchors(both, other))).toBe(serializeAnchor(both))
    }),
  )
})

test('the newest name of a log stays last', () => {
  const named = (origin: string): Anchor => ({
    ...EMPTY_ANCHOR,
    logs: [{ log: 'audit', origin, size: 1, root: Buffer.alloc(32) }],
  })

  const merged = mergeAnchors(mergeAnchors(named('first'), named('second')), named('first'))

  expect(merged.logs.map(({ origin }) => origin)).toEqual(['first', 'second'])
})

test('a truncated or changed text is not an anchor', () => {
  const whole = serializeAnchor({
    sequence: 7,
    logs: [{ log: 'audit', origin: 'log', size: 9, root: Buffer.alloc(32, 1) }],
    revoked: new Map([['kid', new Date(0)]]),
  })
  fc.assert(
    fc.property(fc.nat({ max: whole.trimEnd().length - 1 }), (end) => {
      expect(codeOf(() => parseAnchor(Buffer.from(whole.slice(0, end))))).toBe('ERR_JSON_INVALID')
    }),
  )
  for (const member of [
    'version',
    'sequence',
    'log',
    'size',
    'root',
    'compromisedSince',
    'revoked',
  ]) {
    const renamed = whole.replace(`"${member}"`, '"other"')
    expect(codeOf(() => parseAnchor(Buffer.from(renamed)))).toBe('ERR_FILE_READ')
  }
})

test('an anchor of a later release is never read in part, since it would be written back', () => {
  const whole = serializeAnchor({
    sequence: 7,
    logs: [{ log: 'audit', origin: 'log', size: 9, root: Buffer.alloc(32, 1) }],
    revoked: new Map([['kid', new Date(0)]]),
  })
  for (const later of [
    whole.replace('"version": 1', '"version": 2'),
    whole.replace('"sequence"', '"fence": 1, "sequence"'),
    whole.replace('"origin"', '"fence": 1, "origin"'),
    whole.replace('"kid"', '"fence": 1, "kid"'),
    whole.replace('"audit"', '"keys"'),
  ]) {
    expect(later).not.toBe(whole)
    expect(codeOf(() => parseAnchor(Buffer.from(later)))).toBe('ERR_FORMAT_UNSUPPORTED')
  }
})
