import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseInputs } from '../../action/inputs.ts'
import { codeOf } from '../support/errors.ts'

type Inputs = Readonly<Record<string, string>>

function environment(inputs: Inputs): Inputs {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
  )
}

const SERVICE = { server: 'https://sign.example.com/', key: 'release' }
const KMS = { key: 'awskms:///alias/release' }
const SUBJECT = { 'subject-path': 'dist/*' }

test('the defaults are provenance, through the service, with a summary', () => {
  expect(parseInputs(environment({ ...SERVICE, ...SUBJECT }))).toMatchObject({
    mode: 'attest',
    key: { kind: 'service', name: 'release', audience: 'https://sign.example.com' },
    predicate: { kind: 'provenance' },
    push: false,
    format: 'bundle',
    github: { attestations: 'auto' },
    showSummary: true,
  })
})

test('an entry in double quotes may hold commas and quotes', () => {
  const paths = '"a,b.tgz" , "say ""hi"" now"\n "c", d"e, "open'
  const inputs = environment({ ...SERVICE, 'subject-path': paths })

  expect(parseInputs(inputs)).toMatchObject({
    subjects: { paths: ['a,b.tgz', 'say "hi" now', 'c', 'd"e', '"open'] },
  })
})

test('globs stand on lines, or between commas', () => {
  const inputs = { ...SERVICE, 'subject-path': ' a/*.tgz, b/*.tgz\n\n  !c ' }

  expect(parseInputs(environment(inputs))).toMatchObject({
    subjects: { paths: ['a/*.tgz', 'b/*.tgz', '!c'] },
  })
})

test('a key in AWS KMS takes its region from itself, or from the input', () => {
  const inputs = { ...KMS, ...SUBJECT, 'aws-region': 'eu-west-1' }
  const own = { ...inputs, key: 'awskms:///alias/release?region=us-east-1' }

  expect(parseInputs(environment(inputs))).toMatchObject({ key: { uri: { region: 'eu-west-1' } } })
  expect(parseInputs(environment(own))).toMatchObject({ key: { uri: { region: 'us-east-1' } } })
})

const REFUSED: readonly (readonly [string, Inputs, string])[] = [
  ['an unknown mode', { mode: 'seal' }, 'ERR_USAGE'],
  ['no key', { server: SERVICE.server }, 'ERR_USAGE'],
  ['a key without its service', { key: 'release' }, 'ERR_USAGE'],
  ['a service that is not a URL', { ...SERVICE, server: 'sign' }, 'ERR_USAGE'],
  ['a service in the clear', { ...SERVICE, server: 'http://sign.example.com' }, 'ERR_USAGE'],
  ['a malformed name', { ...SERVICE, key: 'Release!' }, 'ERR_USAGE'],
  ['an HSM on the runner', { key: 'pkcs11:token=a;object=b' }, 'ERR_OPERATION_UNSUPPORTED'],
  ['a key file', { key: 'file:key.pem' }, 'ERR_OPERATION_UNSUPPORTED'],
  ['a malformed KMS key', { key: 'awskms:///alias/' }, 'ERR_KEY_URI_INVALID'],
  ['a service and KMS', { ...KMS, server: SERVICE.server }, 'ERR_USAGE'],
  ['a malformed role', { ...KMS, 'role-to-assume': 'admin' }, 'ERR_USAGE'],
  ['two ways to name artifacts', { ...SERVICE, ...SUBJECT, 'subject-checksums': 'a' }, 'ERR_USAGE'],
  ['a digest without a name', { ...SERVICE, 'subject-digest': 'sha256:00' }, 'ERR_USAGE'],
  ['no bundles', { mode: 'verify', trust: 'a.json', 'max-attached': '0' }, 'ERR_USAGE'],
  ['a malformed number', { mode: 'verify', trust: 'a.json', 'max-attached': 'all' }, 'ERR_USAGE'],
  ['files to push', { ...SERVICE, ...SUBJECT, 'push-to-registry': 'true' }, 'ERR_USAGE'],
  ['a layout of nothing that is pushed', { ...SERVICE, format: 'legacy' }, 'ERR_USAGE'],
  ['a malformed flag', { ...SERVICE, 'show-summary': 'yes' }, 'ERR_USAGE'],
  ['a predicate without a type', { ...SERVICE, predicate: '{}' }, 'ERR_USAGE'],
  ['a type without a predicate', { ...SERVICE, 'predicate-type': 'custom' }, 'ERR_USAGE'],
  ['an SBOM and a type', { ...SERVICE, 'sbom-path': 'a', 'predicate-type': 'spdx' }, 'ERR_USAGE'],
  [
    'two predicates',
    { ...SERVICE, 'predicate-type': 'custom', predicate: '{}', 'predicate-path': 'a' },
    'ERR_USAGE',
  ],
  ['a signature with a predicate', { ...SERVICE, mode: 'sign', 'sbom-path': 'a' }, 'ERR_USAGE'],
  ['a version of no storage record', { ...SERVICE, 'subject-version': '1' }, 'ERR_USAGE'],
  ['a record of no image', { ...SERVICE, 'create-storage-record': 'true' }, 'ERR_USAGE'],
  ['no trusted key', { mode: 'verify', ...SUBJECT }, 'ERR_USAGE'],
  ['a malformed repository', { mode: 'verify', trust: 'a', repository: 'acme' }, 'ERR_USAGE'],
  ['a malformed fingerprint', { ...SERVICE, 'trust-fingerprint': 'abc' }, 'ERR_USAGE'],
  ['a token without an audience', { mode: 'token', ...SERVICE }, 'ERR_USAGE'],
  ['malformed claims', { mode: 'token', ...SERVICE, audience: 'a', claims: '[1]' }, 'ERR_USAGE'],
  ['claims in no JSON', { mode: 'token', ...SERVICE, audience: 'a', claims: '{' }, 'ERR_USAGE'],
  [
    'a malformed lifetime',
    { mode: 'token', ...SERVICE, audience: 'a', lifetime: 'x' },
    'ERR_USAGE',
  ],
]

test.each(REFUSED)('%s is refused before anything is read', (_what, inputs, code) => {
  expect(codeOf(() => parseInputs(environment(inputs)))).toBe(code)
})

test('any inputs are accepted or refused with a code', () => {
  const names = ['mode', 'server', 'key', 'subject-path', 'predicate-type', 'trust', 'lifetime']
  const inputs = fc.dictionary(fc.constantFrom(...names), fc.string())

  fc.assert(
    fc.property(inputs, (given) => {
      expect(codeOf(() => parseInputs(environment(given)))).toMatch(/^(accepted|ERR_)/)
    }),
  )
})
