import { expect, test } from 'vitest'
import {
  remedyOf,
  returnValueOf,
  toPkcs11Failure,
} from '../../../../src/providers/pkcs11/native/errors.ts'
import { pkcs11Error } from '../../../support/cryptoki.ts'

test.each([
  [0xa0, 'ERR_PIN_WRONG'],
  [0xa4, 'ERR_PIN_LOCKED'],
  [0x30, 'ERR_PROVIDER_UNAVAILABLE'],
  [0x32, 'ERR_PROVIDER_UNAVAILABLE'],
  [0x70, 'ERR_ALGORITHM_UNSUPPORTED'],
  [0x68, 'ERR_KEY_NOT_USABLE'],
  [0xe2, 'ERR_NOT_ALLOWED'],
  [0x54, 'ERR_OPERATION_UNSUPPORTED'],
  [0x63, 'ERR_KEY_INVALID'],
])('the return value %i is %s', (value, code) => {
  const failure = toPkcs11Failure(pkcs11Error(value), 'signing with token "t"')

  expect(failure).toMatchObject({ code })
})

test('an unknown return value is an outage and is shown unchanged', () => {
  const failure = toPkcs11Failure(pkcs11Error(0x80000001, 'CKR_VENDOR_DEFINED'), 'signing')

  expect(failure).toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: 'signing failed: CKR_VENDOR_DEFINED (0x80000001)',
  })
})

test.each([
  [0x50, 'retry'],
  [0x60, 'find-key'],
  [0x82, 'find-key'],
  [0x101, 'log-in'],
  [0x90, 'reopen'],
  [0xb0, 'reopen'],
  [0xb3, 'reopen'],
  [0x80000001, 'reopen'],
  [0x02, 'restart'],
  [0x05, 'restart'],
  [0x30, 'restart'],
  [0xe0, 'restart'],
  [0x190, 'restart'],
  [0x31, 'operator'],
  [0x70, 'operator'],
  [0xa0, 'operator'],
  [0xa4, 'operator'],
])('the return value %i is cured by: %s', (value, remedy) => {
  expect(remedyOf(pkcs11Error(value))).toBe(remedy)
})

test('errors that are no return values pass as they are', () => {
  const error = Object.assign(new Error('ENOENT'), { code: 'ENOENT' })

  expect(toPkcs11Failure(error, 'signing')).toBe(error)
  expect(returnValueOf(error)).toBeUndefined()
  expect(remedyOf(error)).toBe('operator')
})
