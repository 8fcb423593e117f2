/** Problem documents, asserted whole. */
import type { LightMyRequestResponse } from 'fastify'
import { expect } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import type { Problem } from '../../src/service/http/problem.ts'

/** Everything a problem says but its title, which is its code in words, and a `path` where it has one. */
export interface ExpectedProblem {
  readonly status: number
  readonly code: ErrorCode
  readonly detail: string
  readonly hint?: string
  readonly path?: string
  readonly expected?: string
  readonly actual?: string
}

/** Fails unless an answer is that problem, and has the headers of one. */
export function assertProblem(answer: LightMyRequestResponse, expected: ExpectedProblem): void {
  const problem = answer.json<Problem>()
  expect(problem).toEqual({
    type: `urn:countersign:error:${expected.code}`,
    title: problem.title,
    requestId: answer.headers['x-request-id'],
    retryable: false,
    ...expected,
  })
  expect(answer.statusCode).toBe(expected.status)
  expect(answer.headers['content-type']).toBe('application/problem+json')
  expect(answer.headers['cache-control']).toBe('no-store')
}
