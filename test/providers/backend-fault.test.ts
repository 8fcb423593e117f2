import { expect, test } from 'vitest'
import { causeOf } from '../../src/basics/error-cause.ts'
import { CountersignError } from '../../src/errors.ts'
import { toKmsError } from '../../src/providers/awskms/errors.ts'
import { toBackendFault } from '../../src/providers/backend-fault.ts'

test('the fault of a backend keeps the cause that its key was refused for', () => {
  const name = 'AccessDeniedException'
  const text =
    'User: arn:aws:iam::111122223333:user/signer is not authorized to perform: kms:Sign on this resource with an explicit deny in a service control policy'
  const refused = toKmsError(Object.assign(new Error(text), { name }), { operation: 'Sign' })

  const fault = toBackendFault(refused, 'signing with release@1')

  expect(fault).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE', cause: refused })
  expect(causeOf(fault as CountersignError)).toEqual({
    layer: 'service control policy',
    cause: 'scp-deny',
  })
})

test('a fault that is the service’s own anyway passes with its cause', () => {
  const outage = toKmsError(Object.assign(new Error(''), { code: 'ECONNREFUSED' }), {
    operation: 'Sign',
  })

  expect(toBackendFault(outage, 'signing')).toBe(outage)
  expect(causeOf(outage)).toEqual({ layer: 'network', cause: 'connection-refused' })
  expect(causeOf(new CountersignError('ERR_USAGE', 'no cause'))).toEqual({})
})
