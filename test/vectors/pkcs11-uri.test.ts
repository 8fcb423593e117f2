import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { parsePkcs11Uri, type Pkcs11Uri } from '../../src/providers/pkcs11/uri.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

interface Case {
  readonly id: string
  readonly uri: string
  readonly expect: 'valid' | 'invalid' | 'either'
  readonly fields?: Readonly<Record<string, string | number>>
}

/** The URI's fields under the names of RFC 7512; `id` as hex, vendors' attributes beside the others. */
function fieldsOf(uri: Pkcs11Uri): Record<string, unknown> {
  const { scheme, id, vendorPath, vendorQuery, ...standard } = uri
  expect(scheme).toBe('pkcs11')
  const named = Object.entries(standard).map(([field, value]) => [
    field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    value,
  ])
  return {
    ...(Object.fromEntries(named) as Record<string, unknown>),
    ...(id === undefined ? {} : { id_hex: Buffer.from(id).toString('hex') }),
    ...vendorPath,
    ...Object.fromEntries(vendorQuery ?? []),
  }
}

describeVectors('pkcs11-uri', () => {
  const { cases } = readVectorJson<{ cases: readonly Case[] }>('pkcs11-uri/cases.json')

  test.each(cases.filter((vector) => vector.expect === 'valid'))('reads $id: $uri', (vector) => {
    expect(fieldsOf(parsePkcs11Uri(vector.uri))).toMatchObject(vector.fields ?? {})
  })

  test.each(cases.filter((vector) => vector.expect === 'invalid'))(
    'refuses $id: $uri',
    (vector) => {
      expect(() => parsePkcs11Uri(vector.uri)).toThrow(
        expect.objectContaining({ code: 'ERR_KEY_URI_INVALID' }),
      )
    },
  )

  test.each(cases.filter((vector) => vector.expect === 'either'))(
    'does not crash on $id: $uri',
    (vector) => {
      try {
        parsePkcs11Uri(vector.uri)
      } catch (error) {
        expect(error).toBeInstanceOf(CountersignError)
      }
    },
  )
})
