import { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { leavesConnectionUsable } from '../../../src/store/postgres/failures.ts'

test.each([
  ['25006', false],
  ['23505', true],
  ['40001', true],
])('after SQLSTATE %s a connection is used again: %s', (code, isUsable) => {
  const error = Object.assign(new DatabaseError('no', 2, 'error'), { code, severity: 'ERROR' })

  expect(leavesConnectionUsable(error)).toBe(isUsable)
})
