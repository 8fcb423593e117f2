import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/formats/json.ts'
import { toGithubProvenance } from '../../src/formats/predicates/github-provenance.ts'
import type { SourceDemand } from '../../src/verification/policy.ts'
import {
  assertBuilderKnown,
  assertSource,
  demandTypes,
  parseSource,
} from '../../src/verification/source.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { codeOf, errorOf } from '../support/errors.ts'
import { GITHUB_CLAIMS, GITHUB_ISSUER } from '../support/identity-claims.ts'
import { testSigner } from '../support/signers.ts'

const SERVICE = 'https://sign.example.com'
const OWN = `${SERVICE}/builders/github-actions`
const PROVENANCE = 'https://slsa.dev/provenance/v1'
const WORKFLOW = '.github/workflows/ci.yml'

const provenance = (builderId = OWN): JsonObject =>
  toGithubProvenance(GITHUB_ISSUER, GITHUB_CLAIMS, builderId)

/** What a demand comes to, of a signature by a key of the service. */
const judge = (
  predicate: JsonObject | undefined,
  source: Partial<SourceDemand> = {},
  service: string | undefined = SERVICE,
): string => codeOf(() => assertSource(predicate, { source: { builders: [], ...source }, service }))

test.each<[string, Partial<SourceDemand>]>([
  ['the builder alone', {}],
  ['a repository', { repository: 'https://github.com/acme/widget' }],
  ['a workflow', { workflow: WORKFLOW }],
])('provenance of the service meets a demand for %s', (_, source) => {
  expect(judge(provenance(), source)).toBe('accepted')
})

test.each<[string, JsonObject | undefined, Partial<SourceDemand>]>([
  ['another repository', provenance(), { repository: 'https://github.com/acme/widge' }],
  ['a repository elsewhere', provenance(), { repository: 'https://github.example/acme/widget' }],
  ['another workflow', provenance(), { workflow: `${WORKFLOW}x` }],
  ['another builder', provenance(`${OWN}x`), {}],
  ['a builder below', provenance(`${OWN}/x`), {}],
  ['a builder at a ref', provenance(`${OWN}@x`), {}],
  ['a builder in another case', provenance(OWN.toUpperCase()), {}],
  ['no predicate', undefined, {}],
  ['no builder', { buildDefinition: {} }, {}],
  ['a builder that is a list', { runDetails: { builder: [{ id: OWN }] } }, {}],
  [
    'parameters that mean something else',
    {
      ...provenance(),
      buildDefinition: {
        ...(provenance()['buildDefinition'] as JsonObject),
        buildType: 'https://example.com/x',
      },
    },
    { workflow: WORKFLOW },
  ],
])('%s does not', (_, predicate, source) => {
  expect(judge(predicate, source)).toBe('ERR_IDENTITY_MISMATCH')
})

test('what a predicate names is shown up to a bound', () => {
  const predicate = provenance(`https://evil.example/${'x'.repeat(100_000)}`)
  const { message, details } = errorOf(() =>
    assertSource(predicate, { source: { builders: [] }, service: SERVICE }),
  )

  expect(message.length).toBeLessThan(400)
  expect(details['actual']).toHaveLength(200)
})

test('provenance that names a service counts for the keys of that service alone', () => {
  expect(judge(provenance(), {}, 'https://other.example.com')).toBe('ERR_IDENTITY_MISMATCH')
  expect(
    codeOf(() => assertSource(provenance(), { source: { builders: [] }, service: undefined })),
  ).toBe('ERR_IDENTITY_MISMATCH')
})

test.each<[string, string, string]>([
  ['https://b.example/x', 'https://b.example/x', 'accepted'],
  ['https://b.example/x', 'https://b.example/x@refs/tags/v1', 'accepted'],
  ['https://b.example/x@refs/tags/v1', 'https://b.example/x@refs/tags/v2', 'ERR_IDENTITY_MISMATCH'],
  ['https://b.example/x', 'https://b.example/x/y', 'ERR_IDENTITY_MISMATCH'],
  ['https://b.example/x', 'https://b.example/xy', 'ERR_IDENTITY_MISMATCH'],
  ['https://b.example/x', OWN, 'ERR_IDENTITY_MISMATCH'],
])('of the named builder %s, %s is %s', (named, builder, outcome) => {
  expect(judge(provenance(builder), { builders: ['https://a.example', named] })).toBe(outcome)
})

test('a repository is named in short or by its address', () => {
  const repositoryOf = (repository: string, server?: string): string | undefined =>
    parseSource({ repository }, server)?.repository

  expect(repositoryOf('acme/app')).toBe('https://github.com/acme/app')
  expect(repositoryOf('acme/app', '')).toBe('https://github.com/acme/app')
  expect(repositoryOf('acme/app', 'https://github.acme.example/')).toBe(
    'https://github.acme.example/acme/app',
  )
  expect(repositoryOf('https://github.com/acme/app')).toBe('https://github.com/acme/app')
})

test.each([
  [{ repository: 'acme' }],
  [{ repository: 'acme/app/x' }],
  [{ repository: 'https://github.com' }],
  [{ repository: 'https://github.com/acme/app/' }],
  [{ repository: 'ftp://github.com/acme/app' }],
  [{ repository: '' }],
  [{ builders: ['github'] }],
  [{ builders: ['https://a b'] }],
])('%o is not a source', (text) => {
  expect(codeOf(() => parseSource(text))).toBe('ERR_USAGE')
})

test('an empty expectation gives no source', () => {
  expect(parseSource({ builders: [] })).toBeUndefined()
})

test('a source demands provenance beside the other types, and in place of a plain signature', () => {
  const source = { builders: [] }

  expect(demandTypes([], undefined)).toEqual(SIGNATURE_POLICY.predicateTypes)
  expect(demandTypes([], source)).toEqual([PROVENANCE])
  expect(demandTypes(['x:y', PROVENANCE], source)).toEqual(['x:y', PROVENANCE])
  expect(demandTypes('any', source)).toBe('any')
})

test('a source without a builder needs a key of a service', () => {
  const key = pinKey(testSigner().key)
  const check = (source: SourceDemand | undefined, issuer?: string): string =>
    codeOf(() => {
      assertBuilderKnown({ ...SIGNATURE_POLICY, source }, { keys: [{ ...key, issuer }] })
    })

  expect(check({ builders: [] })).toBe('ERR_USAGE')
  expect(check({ builders: [] }, SERVICE)).toBe('accepted')
  expect(check({ builders: ['https://b.example'] })).toBe('accepted')
  expect(check(undefined)).toBe('accepted')
})
