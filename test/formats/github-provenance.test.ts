import { expect, test } from 'vitest'
import { toGithubProvenance } from '../../src/formats/predicates/github-provenance.ts'
import { assertPredicate } from '../../src/formats/predicates/types.ts'
import { codeOf } from '../support/errors.ts'
import { GITHUB_CLAIMS, GITHUB_ISSUER } from '../support/identity-claims.ts'

test('provenance has every field from a verified claim, as GitHub itself fills it', () => {
  expect(toGithubProvenance(GITHUB_ISSUER, GITHUB_CLAIMS)).toEqual({
    buildDefinition: {
      buildType: 'https://actions.github.io/buildtypes/workflow/v1',
      externalParameters: {
        workflow: {
          ref: 'refs/heads/main',
          repository: 'https://github.com/acme/widget',
          path: '.github/workflows/ci.yml',
        },
      },
      internalParameters: {
        github: {
          event_name: 'push',
          repository_id: '123456789',
          repository_owner_id: '987654',
          runner_environment: 'github-hosted',
        },
      },
      resolvedDependencies: [
        {
          uri: 'git+https://github.com/acme/widget@refs/heads/main',
          digest: { gitCommit: '1d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e' },
        },
      ],
    },
    runDetails: {
      builder: {
        id: 'https://github.com/acme/workflows/.github/workflows/release.yml@refs/tags/v3',
      },
      metadata: {
        invocationId: 'https://github.com/acme/widget/actions/runs/9876543210/attempts/1',
      },
    },
  })
})

test('provenance of another builder names it, and the workflow of the job beside it', () => {
  const predicate = toGithubProvenance(GITHUB_ISSUER, GITHUB_CLAIMS, 'https://sign.example.com/b')

  expect(predicate).toMatchObject({
    buildDefinition: {
      internalParameters: { github: { job_workflow_ref: GITHUB_CLAIMS['job_workflow_ref'] } },
    },
    runDetails: { builder: { id: 'https://sign.example.com/b' } },
  })
})

test('provenance is a valid predicate of its type', () => {
  const predicate = toGithubProvenance(GITHUB_ISSUER, GITHUB_CLAIMS)

  expect(() => {
    assertPredicate('slsaprovenance1', predicate)
  }).not.toThrow()
})

test.each([
  [`${GITHUB_ISSUER}/acme-corp`, 'https://github.com'],
  ['https://token.actions.acme.ghe.com', 'https://acme.ghe.com'],
  ['https://github.acme.example/_services/token', 'https://github.acme.example'],
])('runs of %s were on %s', (issuer, server) => {
  expect(toGithubProvenance(issuer, GITHUB_CLAIMS)).toMatchObject({
    runDetails: {
      metadata: { invocationId: expect.stringContaining(`${server}/acme/`) as string },
    },
  })
})

test.each([
  'https://token.actions.githubusercontent.com.evil.example',
  'https://token.actions.githubusercontent.com/a/b',
  'https://gitlab.example.com',
  'http://token.actions.githubusercontent.com',
  '',
])('the issuer "%s" speaks for no workflow', (issuer) => {
  expect(codeOf(() => toGithubProvenance(issuer, GITHUB_CLAIMS))).toBe('ERR_NOT_ALLOWED')
})

test.each(['ref', 'sha', 'repository', 'job_workflow_ref', 'run_id', 'run_attempt'])(
  'without the claim "%s" there is no provenance',
  (name) => {
    const claims = { ...GITHUB_CLAIMS, [name]: '' }

    expect(codeOf(() => toGithubProvenance(GITHUB_ISSUER, claims))).toBe('ERR_NOT_ALLOWED')
  },
)

test('a workflow of another repository is not taken for one of this', () => {
  const claims = { ...GITHUB_CLAIMS, workflow_ref: 'evil/widget/.github/workflows/ci.yml@refs/x' }

  expect(codeOf(() => toGithubProvenance(GITHUB_ISSUER, claims))).toBe('ERR_NOT_ALLOWED')
})
