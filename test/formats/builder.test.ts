import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/formats/json.ts'
import { assertForeignAuthor, githubBuilderId } from '../../src/formats/predicates/builder.ts'
import { codeOf } from '../support/errors.ts'

const SERVICE = 'https://sign.example.com'

const judge = (predicate: JsonObject, issuer = SERVICE): string =>
  codeOf(() => {
    assertForeignAuthor(predicate, issuer)
  })

test('the builder of a service is below its address', () => {
  expect(githubBuilderId('https://sign.example.com/')).toBe(
    'https://sign.example.com/builders/github-actions',
  )
})

test.each([
  'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1',
  'https://github.com/actions/runner/github-hosted',
  'https://cloudbuild.googleapis.com/GoogleHostedWorker',
  'https://other.sign.example.com/builders/github-actions',
  'pkg:github/acme/sign.example.com',
  'jenkins',
  '',
])('a caller may name %s', (id) => {
  expect(judge({ runDetails: { builder: { id } } })).toBe('accepted')
})

/** One character as readers that decode, fold or drop some would take it for the same. */
const respell = (character: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(character, character.toUpperCase()),
    fc.constant(`%${character.charCodeAt(0).toString(16).padStart(2, '0')}`),
    fc.constant(`%25${character.charCodeAt(0).toString(16).padStart(2, '0')}`),
    fc.constant(`${character}\u200b`),
    fc.constant(
      /[a-z]/.test(character) ? String.fromCharCode(character.charCodeAt(0) + 0xfee0) : character,
    ),
  )

const respelled = (text: string): fc.Arbitrary<string> =>
  fc.tuple(...Array.from(text, respell)).map((parts) => parts.join(''))

test('no spelling of an address at the host of the service is foreign', () => {
  const scheme = fc.constantFrom(
    'https://',
    'HTTP://',
    '//',
    '',
    'git+https://',
    'https:\\\\',
    'https://a:b@',
  )
  const end = fc.constantFrom('', '.', ':443', ':8443', '..')
  const path = fc.constantFrom('', '/', '/x/../builders', '/%2e%2e/builders', '?id', '#x')
  fc.assert(
    fc.property(fc.tuple(scheme, respelled('sign.example.com'), end, path), (parts) => {
      expect(judge({ builder: { id: parts.join('') } })).toBe('ERR_NOT_ALLOWED')
    }),
  )
})

test('addresses elsewhere are foreign', () => {
  fc.assert(
    fc.property(fc.domain(), fc.string({ maxLength: 20 }), (host, path) => {
      const id = `https://${host}/${encodeURIComponent(path)}`
      expect(judge({ builder: { id } })).toBe('accepted')
    }),
  )
})

test('any predicate is judged without another error', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.jsonValue(),
      (predicate, builder) => {
        const json = JSON.parse(JSON.stringify({ ...predicate, builder })) as JsonObject
        expect(['accepted', 'ERR_NOT_ALLOWED']).toContain(judge(json))
      },
    ),
  )
})

const OWN = `${SERVICE}/builders/github-actions`

test.each<[string, JsonObject]>([
  ['SLSA provenance v1', { runDetails: { builder: { id: OWN } } }],
  ['SLSA provenance v0.2', { builder: { id: OWN } }],
  ['a text', { builder: OWN }],
  ['another type', { invocation: { builder: { uri: OWN } } }],
  ['members in another case', { RunDetails: { Builder: { ID: OWN } } }],
  [
    'a second member in another case',
    { builder: { id: 'https://x.example' }, Builder: { id: OWN } },
  ],
  ['members as protobuf names them', { run_details: { builder_id: OWN } }],
  ['a verification summary', { verifier: { id: OWN } }],
  ['a list', { builder: [{ id: 'https://x.example' }, { id: OWN }] }],
  [
    'more builders than are read',
    { builder: Array.from({ length: 5 }, () => 'https://x.example') },
  ],
  [
    'an id that is too long to be read',
    { builder: { id: `https://x.example/${'x'.repeat(2048)}` } },
  ],
  ['an id that is encoded too often', { builder: { id: 'https://x.example/%252525252525' } }],
  ['an address that begins like ours', { builder: { id: `${SERVICE}.evil.example/` } }],
  ['an address with ours as its user', { builder: { id: `${SERVICE}@evil.example/` } }],
])('%s with the builder of the service is refused', (_, predicate) => {
  expect(judge(predicate)).toBe('ERR_NOT_ALLOWED')
})

test('a service below a path owns its host', () => {
  const issuer = 'https://ci.example.com/sign'

  expect(judge({ builder: { id: 'https://ci.example.com/x/..%2fsign/builders' } }, issuer)).toBe(
    'ERR_NOT_ALLOWED',
  )
})
