/** Decisions before a request is read: they may allow requests denied later, never the reverse. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AccessRequest, type AccessScope, toNeutralRequest } from '../../src/access/action.ts'
import { createAuthorizer } from '../../src/access/authorize.ts'
import type { Caller } from '../../src/access/caller.ts'
import { codeOf } from '../support/errors.ts'
import { authorizerOf, githubCaller, RELEASE, RELEASE_POLICY, SESSIONS } from './policies.ts'

const SIGN: AccessScope = { action: 'sign', key: RELEASE }

async function admits(policies: string, caller: Caller, ...scopes: AccessScope[]): Promise<string> {
  const authorizer = await authorizerOf(policies)
  return codeOf(() => {
    authorizer.admit(caller, scopes)
  })
}

test.each<[string, string, Caller, AccessScope]>([
  ['another repository', RELEASE_POLICY, githubCaller({ repository_id: '6' }), SIGN],
  ['another key', RELEASE_POLICY, githubCaller(), { ...SIGN, key: SESSIONS }],
  ['another action', RELEASE_POLICY, githubCaller(), { action: 'issueToken', key: RELEASE }],
  ['no policy', '', githubCaller(), SIGN],
  [
    'a forbid about the caller',
    `permit (principal, action, resource); forbid (principal, action, resource) when { principal has ref };`,
    githubCaller(),
    SIGN,
  ],
])('%s is refused unread', async (_what, policies, caller, scope) => {
  expect(await admits(policies, caller, scope)).toBe('ERR_NOT_ALLOWED')
})

test.each([
  [
    'a condition on the subject',
    'permit (principal, action, resource) when { context.subject.name like "a*" };',
  ],
  [
    'either caller or subject',
    'permit (principal, action, resource) when { principal has groups || context.subject.name == "a" };',
  ],
  [
    'an exception by the subject',
    'permit (principal, action, resource) unless { context.subject.name == "a" };',
  ],
  [
    'a forbid by the subject',
    'permit (principal, action, resource); forbid (principal, action, resource) when { context.subject.name == "" };',
  ],
])('%s is decided later', async (_what, text) => {
  const policies = text.replaceAll('action,', 'action == Action::"sign",')

  expect(await admits(policies, githubCaller(), SIGN)).toBe('accepted')
})

test('a condition on the claims of a token is decided later, by whichever name it has', async () => {
  const scope = { action: 'issueToken', key: SESSIONS } as const
  const conditions = ['context.claims.hasTag("tenant")', 'Claims::"requested".hasTag("tenant")']
  const outcomes = conditions.map((condition) =>
    admits(
      `permit (principal, action == Action::"issueToken", resource) when { ${condition} };`,
      githubCaller(),
      scope,
    ),
  )

  expect(await Promise.all(outcomes)).toEqual(['accepted', 'accepted'])
})

test('one scope that may be permitted is enough', async () => {
  const other = { ...SIGN, key: SESSIONS }

  expect(await admits(RELEASE_POLICY, githubCaller(), other, SIGN)).toBe('accepted')
  expect(await admits(RELEASE_POLICY, githubCaller(), other)).toBe('ERR_NOT_ALLOWED')
})

test('a caller that no permit can match may do nothing', async () => {
  const authorizer = await authorizerOf(RELEASE_POLICY)

  expect(authorizer.mayBePermitted(githubCaller())).toBe(true)
  expect(authorizer.mayBePermitted(githubCaller({ ref: 'refs/heads/dev' }))).toBe(false)
})

const CONDITIONS = [
  'principal has ref && principal.ref == "refs/heads/main"',
  'principal has repository_id && principal.repository_id == "6"',
  'principal.subject like "repo:*"',
  'resource.use == "artifact"',
  'resource.name == "sessions" && context.subject.name == "a"',
  'context.subject.name == "a"',
  'context.subject.digests.contains("sha256:1")',
  '(principal has ref && context.subject.name == "b") || resource.name == "release"',
  'if context.subject.name == "a" then principal has ref else principal has groups',
  'principal has ref || context.subject.name == "b"',
  '!(context.subject.name == "b")',
  'context.annotations.names.isEmpty()',
  'Annotations::"requested".hasTag("env") && Annotations::"requested".getTag("env") == "x"',
]

const policy = fc
  .record({
    effect: fc.constantFrom('permit', 'permit', 'permit', 'forbid'),
    resource: fc.constantFrom('resource', 'resource == Key::"release"'),
    clauses: fc.array(
      fc.record({
        kind: fc.constantFrom('when', 'unless'),
        conditions: fc.subarray(CONDITIONS, { minLength: 1, maxLength: 3 }),
      }),
      { maxLength: 2 },
    ),
  })
  .map(({ effect, resource, clauses }) => {
    const written = clauses.map(
      ({ kind, conditions }) => `${kind} { (${conditions.join(') && (')}) }`,
    )
    return `${effect} (principal, action == Action::"sign", ${resource}) ${written.join(' ')};`
  })

const request = fc.record({
  key: fc.constantFrom(RELEASE, SESSIONS),
  subjects: fc.array(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      digests: fc.constantFrom<string[]>([], ['sha256:1'], ['sha256:2']),
      annotations: fc.constantFrom<Record<string, string>>({}, { env: 'x' }, { env: 'y' }),
    }),
    { maxLength: 2 },
  ),
})
const caller = fc
  .record({
    ref: fc.constantFrom('refs/heads/main', 'refs/heads/dev', null),
    repository_id: fc.constantFrom('6', '7'),
  })
  .map((claims) => githubCaller(claims))

test('what the fine decision permits is never refused before', async () => {
  let permitted = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(policy, { maxLength: 4 }),
      caller,
      request,
      async (texts, by, about) => {
        const asked: AccessRequest = { action: 'sign', ...about }
        const authorizer = await createAuthorizer([
          { file: 'p.cedar', text: texts.join('\n') },
        ]).catch(() => undefined)
        if (authorizer?.explain(by, asked).isAllowed !== true) return
        permitted += 1
        authorizer.admit(by, [{ action: 'sign', key: about.key }])
        expect(authorizer.mayBePermitted(by)).toBe(true)
      },
    ),
    { numRuns: 60 },
  )

  expect(permitted).toBeGreaterThan(2)
})

test('a neutral request is of its scope', () => {
  const scopes: readonly AccessScope[] = [SIGN, { action: 'approve', key: RELEASE }]

  expect(scopes.map(toNeutralRequest)).toMatchObject(scopes)
})
