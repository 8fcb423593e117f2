import { expect, test } from 'vitest'
import * as errors from '../src/errors.ts'

type Errors = typeof errors

/** The module as a second package has it: the same text, other classes. */
async function loadCopy(): Promise<Errors> {
  const path = '../src/errors.ts?copy'
  return (await import(path)) as Errors
}

test('the errors of another copy of the library are recognised, with their codes', async () => {
  const copy = await loadCopy()
  const error: unknown = new copy.CountersignError('ERR_NETWORK', 'no answer')

  expect(copy.CountersignError).not.toBe(errors.CountersignError)
  expect(error).toBeInstanceOf(errors.CountersignError)
  expect(errors.CountersignError.is(error)).toBe(true)
  expect(errors.CountersignError.is(error, 'ERR_NETWORK')).toBe(true)
  expect(errors.CountersignError.is(error, 'ERR_TIMEOUT')).toBe(false)
  expect(errors.toCountersignError(error)).toBe(error)
})

test.each([undefined, null, 'ERR_NETWORK', new Error('x'), { code: 'ERR_NETWORK' }])(
  '%o is not an error of the library',
  (value) => {
    expect(value instanceof errors.CountersignError).toBe(false)
    expect(errors.CountersignError.is(value)).toBe(false)
  },
)
