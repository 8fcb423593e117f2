import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertAnswer } from '../../../../src/providers/pkcs11/host/answers.ts'
import type { CallName } from '../../../../src/providers/pkcs11/calls.ts'
import { fromJson, toJson } from '../../../../src/providers/pkcs11/protocol/plain-data.ts'
import {
  errorFromJson,
  errorToJson,
} from '../../../../src/providers/pkcs11/protocol/plain-error.ts'
import { CountersignError } from '../../../../src/errors.ts'

test('bytes and plain values cross as they are, and absent members stay absent', () => {
  const data = fc.record({
    text: fc.string(),
    bytes: fc.uint8Array(),
    nested: fc.record({ list: fc.array(fc.integer()), absent: fc.constant(undefined) }),
  })

  fc.assert(
    fc.property(data, (value) => {
      const crossed = fromJson(
        JSON.parse(JSON.stringify(toJson(value))) as ReturnType<typeof toJson>,
      )

      expect(crossed).toEqual({
        ...value,
        bytes: Buffer.from(value.bytes),
        nested: { list: value.nested.list },
      })
    }),
  )
})

test('what is not plain data does not cross', () => {
  expect(() => toJson({ call: () => 1 })).toThrow(TypeError)
})

test('an error crosses with all but its cause', () => {
  const error = new CountersignError('ERR_PIN_LOCKED', 'locked', {
    hint: 'unlock it',
    reason: 'no-such-key',
    details: { tries: 0 },
    cause: new Error('below'),
  })

  const crossed = errorFromJson(errorToJson(error))

  expect(crossed).toMatchObject({
    code: error.code,
    message: error.message,
    hint: error.hint,
    reason: error.reason,
    details: error.details,
  })
  expect(crossed.cause).toBeUndefined()
})

test.each([
  { code: 'ERR_NEW', message: 'a', details: {} },
  { code: 'ERR_PIN_WRONG', details: {} },
  { code: 'ERR_PIN_WRONG', message: 'a', details: { nested: {} } },
  'ERR_PIN_WRONG',
])('an error that is not as agreed is a fault of the provider: %j', (json) => {
  expect(() => errorFromJson(json)).toThrow(
    expect.objectContaining({ code: 'ERR_PROVIDER_FAULT' }) as Error,
  )
})

test.each<readonly [CallName, unknown]>([
  ['sign', 'c2lnbmF0dXJl'],
  ['sign', null],
  ['findToken', 7],
  ['logIn', true],
  ['describe', { spki: 'a', algorithm: 'ES256' }],
  ['describe', { spki: new Uint8Array(), algorithm: 'none' }],
  ['open', { spki: new Uint8Array(), algorithm: 'ES256', object: 7 }],
])('an answer to %s that is not one is a fault of the provider: %j', (name, answer) => {
  expect(() => {
    assertAnswer(name, answer)
  }).toThrow(expect.objectContaining({ code: 'ERR_PROVIDER_FAULT' }) as Error)
})
