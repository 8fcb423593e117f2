import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import { parsePkcs11Uri, serializePkcs11Uri } from '../../../src/providers/pkcs11/uri.ts'

test('parsePkcs11Uri decodes every attribute of RFC 7512', () => {
  const uri = parsePkcs11Uri(
    'pkcs11:token=t%20t;manufacturer=m;serial=s;model=o;library-manufacturer=lm;library-description=ld;' +
      'library-version=1.23;object=%C3%A9;type=private;id=%00a%FF;slot-id=7;slot-manufacturer=sm;' +
      'slot-description=sd?pin-source=file:/run/pin&pin-value=1&module-name=n&module-path=/m.so',
  )

  expect(uri).toEqual({
    scheme: 'pkcs11',
    token: 't t',
    manufacturer: 'm',
    serial: 's',
    model: 'o',
    libraryManufacturer: 'lm',
    libraryDescription: 'ld',
    libraryVersion: '1.23',
    object: 'é',
    type: 'private',
    id: Buffer.from([0x00, 0x61, 0xff]),
    slotId: 7,
    slotManufacturer: 'sm',
    slotDescription: 'sd',
    pinSource: 'file:/run/pin',
    pinValue: '1',
    moduleName: 'n',
    modulePath: '/m.so',
  })
})

test('parsePkcs11Uri takes a plus sign for itself', () => {
  expect(parsePkcs11Uri('pkcs11:token=a+b?pin-value=c+d')).toMatchObject({
    token: 'a+b',
    pinValue: 'c+d',
  })
})

test('parsePkcs11Uri keeps the attributes of vendors, repeated ones of the query too', () => {
  expect(parsePkcs11Uri('PKCS11:x-a=1?x-b=2&x-b=3')).toEqual({
    scheme: 'pkcs11',
    vendorPath: { 'x-a': '1' },
    vendorQuery: [
      ['x-b', '2'],
      ['x-b', '3'],
    ],
  })
})

test('parsePkcs11Uri understands the names from before the RFC', () => {
  expect(parsePkcs11Uri('pkcs11:object-type=cert?pinfile=/run/pin')).toMatchObject({
    type: 'cert',
    pinSource: '/run/pin',
  })
})

test.each([
  ['another scheme', 'pkcs12:token=a'],
  ['no scheme', 'token=a'],
  ['a name without a value', 'pkcs11:token'],
  ['an empty attribute', 'pkcs11:token=a;'],
  ['an empty name', 'pkcs11:=a'],
  ['a path attribute twice', 'pkcs11:token=a;token=a'],
  ['a path attribute under its old and new name', 'pkcs11:type=cert;object-type=cert'],
  ['a vendor path attribute twice', 'pkcs11:x-a=1;x-a=2'],
  ['a query attribute twice', 'pkcs11:?pin-value=a&pin-value=b'],
  ['a cut escape', 'pkcs11:token=a%2'],
  ['an escape that is not hex', 'pkcs11:token=%zz'],
  ['bytes that are not UTF-8', 'pkcs11:token=%ff'],
  ['a NUL in a text', 'pkcs11:?module-path=/m.so%00.txt'],
  ['a raw space', 'pkcs11:token=a b'],
  ['a raw slash in the path', 'pkcs11:token=a/b'],
  ['a raw letter outside ASCII', 'pkcs11:token=é'],
  ['a fragment', 'pkcs11:token=a#b'],
  ['a line break', 'pkcs11:token=a\n'],
  ['an empty slot-id', 'pkcs11:slot-id='],
  ['a slot-id that is not a number', 'pkcs11:slot-id=0x1'],
  ['a slot-id too large to be exact', 'pkcs11:slot-id=9007199254740993'],
  ['a version with three parts', 'pkcs11:library-version=1.2.3'],
  ['a version part over 255', 'pkcs11:library-version=1.256'],
  ['more text than a reference needs', `pkcs11:token=${'a'.repeat(9000)}`],
])('parsePkcs11Uri refuses %s', (_, text) => {
  expect(() => parsePkcs11Uri(text)).toThrow(
    expect.objectContaining({ code: 'ERR_KEY_URI_INVALID' }),
  )
})

test.each(['pkcs11:?pin-value=12 34', 'pkcs11:?pin-value=%ff1234', 'pkcs11:token?pin-value=1234'])(
  'parsePkcs11Uri never repeats a PIN: %s',
  (text) => {
    expect(() => parsePkcs11Uri(text)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('34') as string }),
    )
  },
)

const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'))
const vendorName = fc.stringMatching(/^x-[A-Za-z0-9_-]{1,8}$/)

const anyUri = fc
  .record(
    {
      token: text,
      manufacturer: text,
      serial: text,
      model: text,
      libraryManufacturer: text,
      libraryDescription: text,
      libraryVersion: fc.constantFrom('2', '2.40', '255.255'),
      object: text,
      type: text,
      id: fc.uint8Array({ maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
      slotId: fc.maxSafeNat(),
      slotManufacturer: text,
      slotDescription: text,
      pinSource: text,
      pinValue: text,
      moduleName: text,
      modulePath: text,
      vendorPath: fc.dictionary(vendorName, text, { minKeys: 1, noNullPrototype: true }),
      vendorQuery: fc.array(fc.tuple(vendorName, text), { minLength: 1 }),
    },
    { requiredKeys: [] },
  )
  .map((fields) => ({ scheme: 'pkcs11' as const, ...fields }))

test('parsePkcs11Uri reads back whatever serializePkcs11Uri writes', () => {
  fc.assert(
    fc.property(anyUri, (uri) => {
      expect(parsePkcs11Uri(serializePkcs11Uri(uri))).toEqual(uri)
    }),
  )
})

test('parsePkcs11Uri throws nothing but ERR_KEY_URI_INVALID', () => {
  const fragment = fc.constantFrom(...'pkcs11:;&?=%0aF-/é token id slot-id pin-value'.split(''))
  const hostile = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fragment }))
  fc.assert(
    fc.property(hostile, (tail) => {
      try {
        parsePkcs11Uri(`pkcs11:${tail}`)
      } catch (error) {
        expect(CountersignError.is(error, 'ERR_KEY_URI_INVALID')).toBe(true)
      }
    }),
  )
})
