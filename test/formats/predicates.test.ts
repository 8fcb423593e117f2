import { expect, test } from 'vitest'
import { parsePredicate } from '../../src/formats/predicates/predicate.ts'
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

test.each(['slsa', 'toString', '', 'a b:c'])('"%s" is not a predicate type', (name) => {
  expect(codeOf(() => resolvePredicateType(name))).toBe('ERR_USAGE')
})

const SPDX = { spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT' }
const BOM = { bomFormat: 'CycloneDX', specVersion: '1.6' }

test.each([
  ['spdx', BOM],
  ['spdxjson', BOM],
  ['https://spdx.dev/Document', BOM],
  ['https://spdx.dev/Document/v2.3', BOM],
  ['cyclonedx', SPDX],
  ['https://cyclonedx.org/bom', SPDX],
  ['https://cyclonedx.org/bom/v1.4', SPDX],
  ['https://cyclonedx.org/bom', { '@context': 'https://spdx.org/rdf/3.0.1/', '@graph': [] }],
])('%s refuses the other kind of SBOM', (type, document) => {
  const attempt = (): void => {
    assertPredicate(type, document)
  }
  expect(codeOf(attempt)).toBe('ERR_PREDICATE_INVALID')
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

test('a predicate keeps the digits of its numbers, and no blank space', () => {
  const { predicateText } = parsePredicate(
    'custom',
    Buffer.from('{ "a": [7.0, 1E+2,\n-0.50, 1e-400], "b": " 1.0 \\" " }'),
    'it',
  )

  expect(predicateText).toBe('{"a":[7.0,1E+2,-0.50,1e-400],"b":" 1.0 \\" "}')
})

test.each(['9007199254740993', '-1e400'])('a predicate with %s is refused', (number) => {
  const parse = (): unknown => parsePredicate('custom', Buffer.from(`{"a":[${number}]}`), 'it')

  expect(codeOf(parse)).toBe('ERR_PREDICATE_INVALID')
})

test.each([
  ['UTF-8 with a byte order mark', Buffer.from('\uFEFF{}')],
  ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le')],
])('a predicate in %s is called so', (form, bytes) => {
  expect(() => parsePredicate('custom', bytes, 'it')).toThrow(
    expect.objectContaining({
      code: 'ERR_PREDICATE_INVALID',
      message: `it is ${form}, expected UTF-8`,
    }),
  )
})

test('an SPDX 3 document is called so, and its own type takes it', () => {
  const text = Buffer.from(
    '{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}',
  )

  expect(() => parsePredicate('spdxjson', text, 'it')).toThrow(
    expect.objectContaining({
      code: 'ERR_PREDICATE_INVALID',
      hint: expect.stringContaining('https://spdx.dev/Document/v3') as string,
    }),
  )
  expect(codeOf(() => parsePredicate('https://spdx.dev/Document/v3', text, 'it'))).toBe('accepted')
})
