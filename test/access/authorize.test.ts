import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AccessRequest } from '../../src/access/action.ts'
import { createAuthorizer } from '../../src/access/authorize.ts'
import type { Caller } from '../../src/access/caller.ts'
import { CountersignError } from '../../src/errors.ts'
import { codeOf } from '../support/errors.ts'
import { GITLAB_CLAIMS, KUBERNETES_CLAIMS } from '../support/identity-claims.ts'
import {
  authorizerOf,
  githubCaller,
  RELEASE,
  RELEASE_POLICY,
  SESSIONS,
  SUBJECT,
} from './policies.ts'

const sign: AccessRequest = { action: 'sign', key: RELEASE, subjects: [SUBJECT] }
const attest = (...predicateTypes: readonly string[]): AccessRequest => ({
  action: 'attest',
  key: RELEASE,
  subjects: [SUBJECT],
  predicateTypes,
  isProvenance: false,
})
const issue = (over: Partial<Extract<AccessRequest, { action: 'issueToken' }>>): AccessRequest => ({
  action: 'issueToken',
  key: SESSIONS,
  audience: ['https://api.example.com'],
  lifetimeSeconds: 300,
  claims: {},
  ...over,
})

test('a caller that a policy permits may do what it permits', async () => {
  const authorizer = await authorizerOf(RELEASE_POLICY)

  expect(
    codeOf(() => {
      authorizer.authorize(githubCaller(), sign)
    }),
  ).toBe('accepted')
  expect(authorizer.explain(githubCaller(), sign)).toMatchObject({
    isAllowed: true,
    policies: ['"release-from-main" (release.cedar:1:1)'],
  })
})

test.each<[string, Caller, AccessRequest]>([
  ['another repository', githubCaller({ repository_id: '6' }), sign],
  ['a repository that took over the name', githubCaller({ repository_id: '6', sub: 'x' }), sign],
  ['a claim of another type', githubCaller({ repository_id: 123456789 }), sign],
  ['another branch', githubCaller({ ref: 'refs/heads/dev' }), sign],
  ['no branch', githubCaller({ ref: null }), sign],
  ['another issuer', githubCaller({}, 'https://token.actions.evil.example'), sign],
  ['another key', githubCaller(), { ...sign, key: SESSIONS }],
  ['another action', githubCaller(), { action: 'readKeys', key: RELEASE }],
  [
    'an administrative action',
    githubCaller(),
    { action: 'revokeKey', key: RELEASE, isForced: false },
  ],
])('%s is denied', async (_what, caller, request) => {
  const authorizer = await authorizerOf(RELEASE_POLICY)

  expect(
    codeOf(() => {
      authorizer.authorize(caller, request)
    }),
  ).toBe('ERR_NOT_ALLOWED')
})

test('nothing is permitted without policies', async () => {
  const authorizer = await createAuthorizer([])

  expect(
    codeOf(() => {
      authorizer.authorize(githubCaller(), sign)
    }),
  ).toBe('ERR_NOT_ALLOWED')
})

test('nothing is permitted that names nothing, though a policy permits all', async () => {
  const authorizer = await authorizerOf('permit(principal, action, resource);')
  const empty: readonly AccessRequest[] = [
    { action: 'sign', key: RELEASE, subjects: [] },
    attest(),
    issue({ audience: [] }),
  ]

  for (const request of empty) {
    expect(
      codeOf(() => {
        authorizer.authorize(githubCaller(), request)
      }),
    ).toBe('ERR_NOT_ALLOWED')
  }
})

test('the reason goes to the log, not to the caller', async () => {
  const authorizer = await authorizerOf(RELEASE_POLICY)
  const caller = githubCaller({ ref: 'refs/heads/dev' })

  let error: unknown
  try {
    authorizer.authorize(caller, sign)
  } catch (thrown) {
    error = thrown
  }

  if (!CountersignError.is(error, 'ERR_NOT_ALLOWED')) throw new Error('expected a denial')
  expect(error.message).toBe('action "sign" on key "release" is not allowed')
  expect(JSON.stringify([error.message, error.hint, error.details])).not.toMatch(
    /refs|policy "|main/,
  )
  expect(String(error.cause)).toContain(
    '"release-from-main" (release.cedar:1:1) wants principal.ref == "refs/heads/main"; principal.ref is "refs/heads/dev"',
  )
})

describe('a denial says what was missing', () => {
  test.each<[string, Caller, AccessRequest, string]>([
    [
      'the principal',
      githubCaller({}, 'https://idp.example'),
      sign,
      'wants principal in Issuer::"https://token.actions.githubusercontent.com"; principal.issuer is "https://idp.example"',
    ],
    [
      'a missing claim',
      githubCaller({ repository_id: null }),
      sign,
      'wants principal has repository_id; principal.repository_id is absent',
    ],
    [
      'a permit at all',
      githubCaller(),
      { ...sign, key: SESSIONS },
      'no policy permits this action',
    ],
  ])('%s', async (_what, caller, request, reason) => {
    const authorizer = await authorizerOf(RELEASE_POLICY)

    expect(authorizer.explain(caller, request).reason).toContain(reason)
  })

  test('an unless, a tag and a part of the context', async () => {
    const authorizer = await authorizerOf(`
      permit (principal, action == Action::"attest", resource)
      when { principal.hasTag("tier") && context.subject.name like "ghcr.io/acme/*" }
      unless { context.predicateType == "x" };`)
    const reasonFor = (caller: Caller, request: AccessRequest): string =>
      authorizer.explain(caller, request).reason

    expect(reasonFor(githubCaller(), attest('y'))).toContain(
      'wants principal.hasTag("tier"); principal.tags.tier is absent',
    )
    const tagged = githubCaller({ tier: '1' })
    expect(reasonFor(tagged, attest('x'))).toContain(
      'wants unless { context.predicateType == "x" }; context.predicateType is "x"',
    )
    const elsewhere = { ...SUBJECT, name: 'docker.io/acme' }
    expect(reasonFor(tagged, { ...attest('y'), subjects: [elsewhere] } as AccessRequest)).toContain(
      'context.subject.name is "docker.io/acme"',
    )
  })

  test('a forbid by its name', async () => {
    const authorizer = await authorizerOf(
      `${RELEASE_POLICY}@id("freeze") forbid(principal, action, resource == Key::"release");`,
    )

    expect(authorizer.explain(githubCaller(), sign)).toMatchObject({
      isAllowed: false,
      policies: [expect.stringContaining('"freeze"')],
      reason: expect.stringContaining('forbidden by "freeze" (release.cedar:10:1)') as string,
    })
  })
})

test('each subject must be permitted', async () => {
  const authorizer = await authorizerOf(`
    permit (principal, action == Action::"sign", resource)
    when { context.subject.name like "ghcr.io/acme/*" };`)
  const signs = (...names: readonly string[]): AccessRequest => ({
    action: 'sign',
    key: RELEASE,
    subjects: names.map((name) => ({ ...SUBJECT, name })),
  })
  const decide = (request: AccessRequest): string =>
    codeOf(() => {
      authorizer.authorize(githubCaller(), request)
    })

  expect(decide(signs('ghcr.io/acme/a', 'ghcr.io/acme/b'))).toBe('accepted')
  expect(decide(signs('ghcr.io/acme/a', 'ghcr.io/evil/b'))).toBe('ERR_NOT_ALLOWED')
  expect(decide(signs('ghcr.io/evil/b', 'ghcr.io/acme/a'))).toBe('ERR_NOT_ALLOWED')
})

test('digests, predicate types and provenance can be asked for', async () => {
  const authorizer = await authorizerOf(`
    permit (principal, action == Action::"attest", resource)
    when {
      context.provenance &&
      ["https://slsa.dev/provenance/v1", "https://spdx.dev/Document"].contains(context.predicateType)
    };
    forbid (principal, action == Action::"attest", resource)
    when { context.subject.digests.contains("sha256:bad") };`)
  const decide = (over: Partial<Extract<AccessRequest, { action: 'attest' }>>): string =>
    codeOf(() => {
      authorizer.authorize(githubCaller(), { ...attest('x'), ...over } as AccessRequest)
    })
  const slsa = ['https://slsa.dev/provenance/v1']

  expect(decide({ isProvenance: true, predicateTypes: slsa })).toBe('accepted')
  expect(decide({ isProvenance: false, predicateTypes: slsa })).toBe('ERR_NOT_ALLOWED')
  expect(decide({ isProvenance: true, predicateTypes: [...slsa, 'y'] })).toBe('ERR_NOT_ALLOWED')
  const bad = [{ name: 'a', digests: ['sha256:bad'] }]
  expect(decide({ isProvenance: true, predicateTypes: slsa, subjects: bad })).toBe(
    'ERR_NOT_ALLOWED',
  )
})

test('audience, lifetime and claims of a token can be asked for', async () => {
  const authorizer = await authorizerOf(`
    permit (principal, action == Action::"issueToken", resource == Key::"sessions")
    when {
      context.audience == "https://api.example.com" &&
      context.lifetimeSeconds <= 600 &&
      context.claims.hasTag("sub") && principal has repository &&
      context.claims.getTag("sub") == principal.repository
    }
    unless { context.claims.hasTag("admin") && context.claims.getTag("admin") != "false" };`)
  const decide = (over: Parameters<typeof issue>[0]): string =>
    codeOf(() => {
      authorizer.authorize(githubCaller(), issue({ claims: { sub: 'acme/widget' }, ...over }))
    })

  expect(decide({})).toBe('accepted')
  expect(decide({ claims: { sub: 'acme/widget', admin: false } })).toBe('accepted')
  expect(decide({ claims: { sub: 'acme/widget', admin: true } })).toBe('ERR_NOT_ALLOWED')
  expect(decide({ claims: { sub: 'acme/other' } })).toBe('ERR_NOT_ALLOWED')
  expect(decide({ lifetimeSeconds: 601 })).toBe('ERR_NOT_ALLOWED')
  expect(decide({ audience: ['https://api.example.com', 'https://b.example'] })).toBe(
    'ERR_NOT_ALLOWED',
  )
})

test('claims that look like entities or calls of Cedar are texts to it', async () => {
  const authorizer = await authorizerOf(`
    permit (principal, action == Action::"issueToken", resource)
    when { context.claims.hasTag("x") && context.claims.getTag("x") like "*__entity*" };`)
  const claims = { x: { __entity: { type: 'Key', id: 'release' } }, __extn: { fn: 'ip', arg: 'x' } }

  const decision = authorizer.explain(githubCaller({ ref: { __expr: 'true' } }), issue({ claims }))

  expect(decision.isAllowed).toBe(true)
})

test('a job of GitLab is known by its project', async () => {
  const authorizer = await authorizerOf(`
    permit (principal in Issuer::"https://gitlab.example.com", action, resource)
    when { principal has project_id && principal.project_id == "20" };`)
  const caller: Caller = {
    kind: 'oidc',
    issuer: 'https://gitlab.example.com',
    subject: 'x',
    claims: GITLAB_CLAIMS,
  }

  expect(authorizer.explain(caller, sign).isAllowed).toBe(true)
  const other = { ...caller, claims: { ...GITLAB_CLAIMS, project_id: '21' } }
  expect(authorizer.explain(other, sign).isAllowed).toBe(false)
})

test('a pod of Kubernetes is known by its service account', async () => {
  const authorizer = await authorizerOf(`
    permit (principal, action, resource)
    when {
      principal has kubernetes.serviceAccount && principal.kubernetes.namespace == "builds" &&
      principal.kubernetes.serviceAccount == "releaser"
    };`)
  const caller: Caller = {
    kind: 'oidc',
    issuer: 'https://kubernetes.default.svc',
    subject: 'system:serviceaccount:builds:releaser',
    claims: KUBERNETES_CLAIMS,
  }

  expect(authorizer.explain(caller, sign).isAllowed).toBe(true)
  const flat = { 'kubernetes.io/namespace': 'builds', 'kubernetes.io': 'builds' }
  expect(authorizer.explain({ ...caller, claims: flat }, sign).isAllowed).toBe(false)
})

test('groups are a list of strings or missing', async () => {
  const authorizer = await authorizerOf(`
    permit (principal, action in Action::"administration", resource)
    when { principal has groups && principal.groups.contains("security") };`)
  const revoke: AccessRequest = { action: 'revokeKey', key: RELEASE, isForced: false }
  const allowed = (groups: Caller['claims'][string]): boolean =>
    authorizer.explain(githubCaller({ groups }), revoke).isAllowed

  expect(allowed(['security', 'dev'])).toBe(true)
  expect(allowed('security')).toBe(false)
  expect(allowed(['security', 1])).toBe(false)
})

test('forcing, approving and reading are permitted apart', async () => {
  const authorizer = await authorizerOf(`
    permit (principal, action in Action::"administration", resource) unless { context.forced };
    permit (principal, action == Action::"approve", resource) when { context.approvedAction == "revokeKey" };`)
  const decide = (request: AccessRequest): boolean =>
    authorizer.explain(githubCaller(), request).isAllowed

  expect(decide({ action: 'activateKey', key: RELEASE, isForced: false })).toBe(true)
  expect(decide({ action: 'activateKey', key: RELEASE, isForced: true })).toBe(false)
  expect(decide({ action: 'approve', key: RELEASE, approvedAction: 'revokeKey' })).toBe(true)
  expect(decide({ action: 'approve', key: RELEASE, approvedAction: 'destroyKey' })).toBe(false)
  expect(decide({ action: 'readKeys', key: RELEASE })).toBe(false)
})

test('reading the audit log is permitted by its own name, on the key that signs it', async () => {
  const audit = { name: 'audit', use: 'audit', algorithm: 'EdDSA' } as const
  const groups = 'action in [Action::"signing", Action::"administration", Action::"reading"]'
  const verdictOf = async (policy: string): Promise<string> => {
    const authorizer = await authorizerOf(policy)
    return codeOf(() => {
      authorizer.authorize(githubCaller(), { action: 'readLog', key: audit })
    })
  }

  expect(await verdictOf(`permit (principal, ${groups}, resource);`)).toBe('ERR_NOT_ALLOWED')
  expect(
    await verdictOf('permit (principal, action == Action::"readLog", resource == Key::"release");'),
  ).toBe('ERR_NOT_ALLOWED')
  expect(
    await verdictOf(
      'permit (principal, action == Action::"readLog", resource) when { resource.use == "audit" };',
    ),
  ).toBe('accepted')
})

test('a forbid that cannot be evaluated denies', async () => {
  const authorizer = await authorizerOf(`
    permit (principal, action == Action::"issueToken", resource);
    forbid (principal, action == Action::"issueToken", resource)
    when { context.lifetimeSeconds * 9223372036854775807 > 5 };`)

  expect(authorizer.explain(githubCaller(), issue({ lifetimeSeconds: 2 }))).toMatchObject({
    isAllowed: false,
    reason: expect.stringContaining("can't tell whether release.cedar:3:5 forbids it") as string,
  })
})

test('a permit that cannot be evaluated permits nothing and affects no other', async () => {
  const broken = `permit (principal, action == Action::"issueToken", resource)
    when { context.lifetimeSeconds * 9223372036854775807 > 5 };`
  const request = issue({ lifetimeSeconds: 2 })

  const alone = await authorizerOf(broken)
  const beside = await authorizerOf(`${broken} permit (principal, action, resource);`)

  expect(alone.explain(githubCaller(), request).isAllowed).toBe(false)
  expect(beside.explain(githubCaller(), request).isAllowed).toBe(true)
})

test('a decision from memory is that of its own request', async () => {
  const [remembering, forgetful] = [
    await authorizerOf(RELEASE_POLICY),
    await authorizerOf(RELEASE_POLICY, 0),
  ]
  const member = fc.constantFrom('repository_id', 'ref', 'run_id', 'sha')
  const value = fc.constantFrom('123456789', 'refs/heads/main', '', '1')

  fc.assert(
    fc.property(fc.dictionary(member, value), fc.boolean(), (claims, isAttest) => {
      const caller = githubCaller(claims)
      const request = isAttest ? attest('x') : sign

      expect(remembering.explain(caller, request)).toEqual(forgetful.explain(caller, request))
    }),
  )
})

test('whatever a caller claims, nothing is permitted where no policy matches', async () => {
  const authorizer = await authorizerOf(RELEASE_POLICY)
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__entity', '*', '"', 'ref'))

  fc.assert(
    fc.property(fc.dictionary(text, fc.jsonValue()), text, (claims, name) => {
      const caller = githubCaller({ ...(claims as Caller['claims']), repository_id: '6' })
      const subjects = [{ name, digests: [name], annotations: {} }]

      const decision = authorizer.explain(caller, { action: 'sign', key: RELEASE, subjects })

      expect(decision.isAllowed).toBe(false)
    }),
    { numRuns: 20 },
  )
})
