import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AccessRequest } from '../../src/access/action.ts'
import { createAuthorizer } from '../../src/access/authorize.ts'
import type { Caller } from '../../src/access/caller.ts'
import { readPolicyFolder } from '../../src/access/policy-folder.ts'
import { inspectPolicies } from '../../src/access/policy-set.ts'
import type { JsonObject } from '../../src/formats/json.ts'
import {
  GITHUB_CLAIMS,
  GITHUB_ISSUER,
  GITLAB_CLAIMS,
  KUBERNETES_CLAIMS,
} from '../support/identity-claims.ts'
import { PROJECT } from '../support/project.ts'
import { RELEASE, SESSIONS, SUBJECT } from './policies.ts'

const sign: AccessRequest = { action: 'sign', key: RELEASE, subjects: [SUBJECT] }
const attest = (predicateType: string, isProvenance = false): AccessRequest => ({
  action: 'attest',
  key: RELEASE,
  subjects: [SUBJECT],
  predicateTypes: [predicateType],
  isProvenance,
})
const issue: AccessRequest = {
  action: 'issueToken',
  key: SESSIONS,
  audience: ['https://api.example.com'],
  lifetimeSeconds: 300,
  claims: {},
}
const revoke = (isForced: boolean): AccessRequest => ({
  action: 'revokeKey',
  key: RELEASE,
  isForced,
})
const readLog: AccessRequest = {
  action: 'readLog',
  key: { name: 'audit', use: 'audit', algorithm: 'EdDSA' },
}

const caller = (issuer: string, claims: JsonObject): Caller => ({
  kind: 'oidc',
  issuer,
  subject: 'x',
  claims,
})
const github = (claims: JsonObject = {}): Caller =>
  caller(GITHUB_ISSUER, { ...GITHUB_CLAIMS, ...claims })
const operator = (...groups: readonly string[]): Caller =>
  caller('https://idp.example.com', { groups })
const gateway = {
  'kubernetes.io': { namespace: 'gateway', serviceaccount: { name: 'gateway', uid: 'x' } },
}

test.each<[string, boolean, Caller, AccessRequest]>([
  ['the release workflow signs', true, github(), sign],
  [
    'the same workflow on a branch does not sign',
    false,
    github({ job_workflow_ref: 'acme/workflows/.github/workflows/release.yml@refs/heads/x' }),
    sign,
  ],
  ['another owner does not sign', false, github({ repository_owner_id: '1' }), sign],
  ['a pull request does not sign', false, github({ event_name: 'pull_request_target' }), sign],
  [
    'an image of others is not signed',
    false,
    github(),
    { ...sign, subjects: [{ ...SUBJECT, name: 'x' }] },
  ],
  [
    'the release is named in an annotation',
    true,
    github(),
    { ...sign, subjects: [{ ...SUBJECT, annotations: { release: '1.4' } }] },
  ],
  [
    'nothing else is',
    false,
    github(),
    { ...sign, subjects: [{ ...SUBJECT, annotations: { release: '1.4', env: 'production' } }] },
  ],
  ['the service makes provenance', true, github(), attest('https://slsa.dev/provenance/v1', true)],
  ['no workflow writes it', false, github(), attest('https://slsa.dev/provenance/v1')],
  ['an SBOM is attested', true, github(), attest('https://cyclonedx.org/bom')],
  [
    'a job of GitLab attests an SBOM',
    true,
    caller('https://gitlab.example.com', { ...GITLAB_CLAIMS }),
    attest('https://cyclonedx.org/bom'),
  ],
  [
    'a job of GitLab attests nothing else',
    false,
    caller('https://gitlab.example.com', { ...GITLAB_CLAIMS }),
    attest('https://slsa.dev/provenance/v1'),
  ],
  ['the production job gets a token', true, github(), issue],
  ['another job gets none', false, github({ environment: 'staging' }), issue],
  ['a long token is not given', false, github(), { ...issue, lifetimeSeconds: 901 }],
  ['a job of GitLab signs', true, caller('https://gitlab.example.com', { ...GITLAB_CLAIMS }), sign],
  [
    'the same claims of another issuer do not sign',
    false,
    caller('https://gitlab.evil.example', GITLAB_CLAIMS),
    sign,
  ],
  [
    'a service account gets a token',
    true,
    caller('https://kubernetes.default.svc.cluster.local', gateway),
    issue,
  ],
  [
    'another service account gets none',
    false,
    caller('https://kubernetes.default.svc.cluster.local', KUBERNETES_CLAIMS),
    issue,
  ],
  ['an operator revokes', true, operator('signing-operators'), revoke(false)],
  ['an operator does not force', false, operator('signing-operators'), revoke(true)],
  [
    'an on-call operator forces',
    true,
    operator('signing-operators', 'signing-on-call'),
    revoke(true),
  ],
  ['an operator does not sign', false, operator('signing-operators', 'signing-on-call'), sign],
  ['an auditor reads the audit log', true, operator('auditors'), readLog],
  ['an operator does not read it', false, operator('signing-operators'), readLog],
])('by the example policies %s', async (_what, isAllowed, who, request) => {
  const authorizer = await createAuthorizer(await readPolicyFolder(join(PROJECT, 'docs/policies')))

  expect(authorizer.explain(who, request)).toMatchObject({ isAllowed })
})

test('the example policies permit no attestation without its type', async () => {
  const sources = await readPolicyFolder(join(PROJECT, 'docs/policies'))

  expect(await inspectPolicies(sources)).toMatchObject({ problems: [], warnings: [] })
})
