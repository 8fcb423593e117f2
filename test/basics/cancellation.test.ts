import { expect, test } from 'vitest'
import { assertNotCancelled, toCancellation } from '../../src/basics/cancellation.ts'
import { CountersignError } from '../../src/errors.ts'

test('an aborted signal is ERR_CANCELLED and keeps its reason as the cause', () => {
  const reason = new Error('the client went away')

  const error = toCancellation(AbortSignal.abort(reason))

  expect(error).toMatchObject({ code: 'ERR_CANCELLED', cause: reason })
})

test('a deadline that passed is ERR_TIMEOUT', () => {
  const reason = new DOMException('signal timed out', 'TimeoutError')

  expect(toCancellation(AbortSignal.abort(reason))).toMatchObject({ code: 'ERR_TIMEOUT' })
})

test('a signal aborted with an error of ours keeps that error', () => {
  const reason = new CountersignError('ERR_THROTTLED', 'too many requests')

  expect(toCancellation(AbortSignal.abort(reason))).toBe(reason)
})

test('assertNotCancelled throws for an aborted signal only', () => {
  expect(() => {
    assertNotCancelled(undefined)
    assertNotCancelled(new AbortController().signal)
  }).not.toThrow()
  expect(() => {
    assertNotCancelled(AbortSignal.abort())
  }).toThrow(expect.objectContaining({ code: 'ERR_CANCELLED' }))
})
