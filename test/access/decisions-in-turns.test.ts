/** Requests with many subjects: decided piece by piece, and as they are decided at once. */
import { expect, test } from 'vitest'
import type { AccessRequest } from '../../src/access/action.ts'
import { codeOf, codeOfAsync } from '../support/errors.ts'
import { authorizerOf, githubCaller, RELEASE } from './policies.ts'

const POLICY =
  'permit (principal, action, resource) when { resource.use == "artifact" } unless { context.subject.name == "bad" };'

function sign(names: readonly string[]): AccessRequest {
  return {
    action: 'sign',
    key: RELEASE,
    subjects: names.map((name, place) => ({
      name,
      digests: [`sha256:${place}`],
      annotations: {},
    })),
  }
}

const many = Array.from({ length: 100 }, (_, place) => `app-${place}`)

test.each([
  ['all are permitted', sign(many), 'accepted'],
  ['the last is denied', sign([...many, 'bad']), 'ERR_NOT_ALLOWED'],
  ['the first is denied', sign(['bad', ...many]), 'ERR_NOT_ALLOWED'],
  ['there is no rule', sign([]), 'ERR_NOT_ALLOWED'],
])('a request is decided in turns as at once, where %s', async (_what, request, code) => {
  const authorizer = await authorizerOf(POLICY.replace('action,', 'action == Action::"sign",'))

  expect(await codeOfAsync(() => authorizer.authorizeInTurns(githubCaller(), request))).toBe(code)
  expect(
    codeOf(() => {
      authorizer.authorize(githubCaller(), request)
    }),
  ).toBe(code)
})

test('others have their turn between the subjects of a request', async () => {
  const authorizer = await authorizerOf(POLICY.replace('action,', 'action == Action::"sign",'))
  let turns = 0
  let isDecided = false
  const count = (): void => {
    turns += 1
    if (!isDecided) setImmediate(count)
  }
  setImmediate(count)

  await authorizer.authorizeInTurns(githubCaller(), sign(many))
  isDecided = true

  expect(turns).toBeGreaterThanOrEqual(6)
})
