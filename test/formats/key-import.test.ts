import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type ImportParameters,
  parseImportParameters,
  parseWrappedKey,
  serializeImportParameters,
  serializeWrappedKey,
} from '../../src/formats/key-import.ts'
import { codeOf } from '../support/errors.ts'

const PARAMETERS: ImportParameters = {
  key: 'awskms:///alias/release',
  wrapping: 'RSA_AES_KEY_WRAP_SHA_256',
  wrappingKey: Uint8Array.of(1, 2),
  token: Uint8Array.of(3),
  validUntil: new Date('2026-11-25T10:00:00Z'),
}

test('what is written is read back', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 100 }).map((drawn) => Buffer.from(drawn))
  fc.assert(
    fc.property(bytes, bytes, (wrapped, publicKey) => {
      const text = serializeWrappedKey({ wrapped, publicKey })
      expect(parseWrappedKey(Buffer.from(text))).toEqual({ wrapped, publicKey })
      const parameters = { ...PARAMETERS, wrappingKey: wrapped, token: publicKey }
      const again = parseImportParameters(Buffer.from(serializeImportParameters(parameters)))
      expect(again).toEqual(parameters)
    }),
  )
})

test.each([
  ['another file', { type: 'countersign-wrapped-key' }],
  ['a later version', { version: 2 }],
  ['another way to wrap', { wrapping: 'RSAES_PKCS1_V1_5' }],
  ['an inherited name as the way to wrap', { wrapping: 'toString' }],
  ['a key that is not base64', { wrappingKey: '$' }],
  ['no key', { wrappingKey: '' }],
  ['a time that is not one', { validUntil: 'soon' }],
])('parameters with %s are refused', (_what, change) => {
  const document = JSON.parse(serializeImportParameters(PARAMETERS)) as object
  const text = JSON.stringify({ ...document, ...change })

  expect(codeOf(() => parseImportParameters(Buffer.from(text)))).toBe('ERR_JSON_INVALID')
})
