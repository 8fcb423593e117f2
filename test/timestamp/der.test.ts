import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier } from '@peculiar/asn1-x509'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  encode,
  generalizedTime,
  integer,
  namedBit,
  octetString,
  oid,
  readDer,
  sequence,
  setOf,
} from '../../src/timestamp/der.ts'
import { TAG } from '../../src/crypto/der-reader.ts'
import { codeOf } from '../support/errors.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('an octet string of any length is written as another library writes it, and reads back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70_000 }), (bytes) => {
      const der = octetString(bytes)

      expect(hex(der)).toBe(hex(new Uint8Array(AsnConvert.serialize(new OctetString(bytes)))))
      expect(hex(readDer(der).read(TAG.octetString))).toBe(hex(bytes))
    }),
    { numRuns: 50 },
  )
})

test.each(['1.2.840.113549.1.9.16.2.47', '2.5.29.15', '0.4.0.2023.1.1', '1.3.6.1.4.1.57264.2'])(
  'the object identifier %s is written as another library writes it',
  (dotted) => {
    const theirs = AsnConvert.serialize(new AlgorithmIdentifier({ algorithm: dotted }))

    expect(hex(sequence(oid(dotted)))).toBe(hex(new Uint8Array(theirs)))
  },
)

test('an integer is written in its shortest form and stays positive', () => {
  expect(hex(integer(0))).toBe('020100')
  expect(hex(integer(127))).toBe('02017f')
  expect(hex(integer(128))).toBe('02020080')
  expect(hex(integer(Uint8Array.of(0, 0, 0x80, 1)))).toBe('0203008001')
})

test('a named bit is written without trailing zero bits', () => {
  expect(hex(namedBit(0))).toBe('03020780')
  expect(hex(namedBit(5))).toBe('03020204')
  expect(hex(namedBit(16))).toBe('030407000080')
})

test('the elements of a set are sorted by their bytes', () => {
  expect(hex(setOf(integer(2), octetString(Uint8Array.of(1)), integer(1)))).toBe(
    '3109020101020102040101',
  )
})

test.each([
  ['2026-03-04T05:06:07.000Z', '20260304050607Z'],
  ['2026-03-04T05:06:07.120Z', '20260304050607.12Z'],
  ['2026-03-04T05:06:00.000Z', '20260304050600Z'],
])('%s is written as %s', (time, written) => {
  const der = generalizedTime(new Date(time))

  expect(Buffer.from(der.subarray(2)).toString()).toBe(written)
})

test.each([
  ['an indefinite length', '3080'],
  ['a length that is longer than it must be', '04810101'],
  ['a length with leading zeros', '0482000101'],
  ['an end before the contents', '040201'],
  ['no length', '04'],
  ['a length of four bytes', '048400000001ff'],
])('%s is refused', (_what, der) => {
  const reader = readDer(Buffer.from(der, 'hex'))

  expect(codeOf(() => reader.read(reader.nextTag ?? 0))).toBe('ERR_TIMESTAMP_INVALID')
})

test.each(['0200', '02020001', '0202ff80'])('the integer %s is not in its shortest form', (der) => {
  expect(codeOf(() => readDer(Buffer.from(der, 'hex')).readInteger())).toBe('ERR_TIMESTAMP_INVALID')
})

test.each(['010100', '010101', '0100'])('the flag %s is refused: only TRUE is written', (der) => {
  expect(codeOf(() => readDer(Buffer.from(der, 'hex')).readFlag())).toBe('ERR_TIMESTAMP_INVALID')
})

test('another tag than the one that is due is refused, and left where it may be missing', () => {
  const reader = readDer(encode(TAG.null))

  expect(codeOf(() => reader.read(TAG.oid))).toBe('ERR_TIMESTAMP_INVALID')
  expect(reader.readOptional(TAG.oid)).toBeUndefined()
  expect(
    codeOf(() => {
      reader.assertEnd()
    }),
  ).toBe('ERR_TIMESTAMP_INVALID')
})
