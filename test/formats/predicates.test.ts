import { expect, test } from 'vitest'
import { assertPredicate, resolvePredicateType } from '../../src/formats/predicates/types.ts'
import { codeOf } from '../support/errors.ts'

test.each([
  ['slsaprovenance1', 'https://slsa.dev/provenance/v1'],
  ['spdxjson', 'https://spdx.dev/Document'],
  ['cyclonedx', 'https://cyclonedx.org/bom'],
  ['openvex', 'https://openvex.dev/ns'],
  ['vuln', 'https://cosign.sigstore.dev/attestation/vuln/v1'],
  ['custom', 'https://cosign.sigstore.dev/attestation/v1'],
  ['https://example.com/my/v1', 'https://example.com/my/v1'],
])('%s stands for %s', (name, uri) => {
  expect(resolvePredicateType(name)).toBe(uri)
})

test.each(['slsa', 'toString', '', 'a b:c'])('"%s" is no predicate type', (name) => {
  expect(codeOf(() => resolvePredicateType(name))).toBe('ERR_USAGE')
})

test('a predicate that can’t be of its type is refused', () => {
  const bom = { bomFormat: 'CycloneDX', specVersion: '1.6' }
  expect(
    codeOf(() => {
      assertPredicate('cyclonedx', bom)
    }),
  ).toBe('accepted')
  expect(
    codeOf(() => {
      assertPredicate('spdxjson', bom)
    }),
  ).toBe('ERR_PREDICATE_INVALID')
  expect(
    codeOf(() => {
      assertPredicate('openvex', {})
    }),
  ).toBe('ERR_PREDICATE_INVALID')
  expect(
    codeOf(() => {
      assertPredicate('slsaprovenance1', {})
    }),
  ).toBe('ERR_PREDICATE_INVALID')
  expect(
    codeOf(() => {
      assertPredicate('https://example.com/any', {})
    }),
  ).toBe('accepted')
})
