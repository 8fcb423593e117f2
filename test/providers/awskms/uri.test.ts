import fc from 'fast-check'
import { expect, test } from 'vitest'
import { endpointUrl } from '../../../src/client/aws-account.ts'
import { CountersignError } from '../../../src/errors.ts'
import { parseKeyUri, serializeKeyUri } from '../../../src/providers/key-uri.ts'
import {
  type AwsKmsUri,
  parseAwsKmsAccount,
  parseAwsKmsUri,
  regionOf,
  serializeAwsKmsUri,
} from '../../../src/providers/awskms/uri.ts'

const UUID = '1234abcd-12ab-34cd-56ef-1234567890ab'
const MRK = `mrk-${'0123456789abcdef'.repeat(2)}`
const invalid = expect.objectContaining({ code: 'ERR_KEY_URI_INVALID' }) as unknown

const accepted: readonly (readonly [string, Omit<AwsKmsUri, 'scheme'>])[] = [
  ['awskms:///alias/release', { keyId: 'alias/release' }],
  ['awskms:///alias/team/a_b-c/release', { keyId: 'alias/team/a_b-c/release' }],
  [`awskms:///${UUID}`, { keyId: UUID }],
  [`awskms:///${MRK}`, { keyId: MRK }],
  ...['aws', 'aws-cn', 'aws-us-gov', 'aws-iso', 'aws-iso-b', 'aws-iso-e', 'aws-eusc'].map(
    (partition): readonly [string, Omit<AwsKmsUri, 'scheme'>] => {
      const keyId = `arn:${partition}:kms:eu-west-1:111122223333:key/${UUID}`
      return [`awskms:///${keyId}`, { keyId }]
    },
  ),
  [
    'awskms:///arn:aws:kms:eu-west-1:111122223333:alias/release',
    { keyId: 'arn:aws:kms:eu-west-1:111122223333:alias/release' },
  ],
  [
    'awskms://localhost:4566/alias/release?region=eu-west-1&profile=build%20farm',
    {
      endpoint: 'localhost:4566',
      keyId: 'alias/release',
      region: 'eu-west-1',
      profile: 'build farm',
    },
  ],
  [
    'awskms://vpce-1.kms.eu-west-1.vpce.amazonaws.com/alias/release',
    { endpoint: 'vpce-1.kms.eu-west-1.vpce.amazonaws.com', keyId: 'alias/release' },
  ],
  ['awskms://[::1]:4566/alias/release', { endpoint: '[::1]:4566', keyId: 'alias/release' }],
]

test.each(accepted)('%s is read and written back', (text, expected) => {
  const uri = parseAwsKmsUri(text)

  expect(uri).toEqual({ scheme: 'awskms', ...expected })
  expect(serializeAwsKmsUri(uri)).toBe(text)
  expect(serializeKeyUri(parseKeyUri(text))).toBe(text)
})

test.each([
  ['no key', 'awskms:///'],
  ['no endpoint part', 'awskms:alias/release'],
  ['no slash after the endpoint', 'awskms://alias'],
  ['a bare name', 'awskms:///release'],
  ['an empty alias', 'awskms:///alias/'],
  ['an alias over 256 characters', `awskms:///alias/${'a'.repeat(251)}`],
  ['an alias with a dot', 'awskms:///alias/a.b'],
  ['an upper-case key id', `awskms:///${UUID.toUpperCase()}`],
  ['a short multi-region id', 'awskms:///mrk-1234'],
  ['an ARN of another service', 'awskms:///arn:aws:s3:eu-west-1:111122223333:key/x'],
  ['an ARN of no partition', `awskms:///arn:gcp:kms:eu-west-1:111122223333:key/${UUID}`],
  ['an ARN with a short account', `awskms:///arn:aws:kms:eu-west-1:1111:key/${UUID}`],
  ['an unknown parameter', 'awskms:///alias/a?zone=1'],
  ['a repeated parameter', 'awskms:///alias/a?region=eu-west-1&region=eu-west-1'],
  ['an empty parameter', 'awskms:///alias/a?region='],
  ['an empty query', 'awskms:///alias/a?'],
  ['a malformed region', 'awskms:///alias/a?region=EU_WEST'],
  ['a control character in the profile', 'awskms:///alias/a?profile=%0A'],
  ['a fragment', 'awskms:///alias/a#x'],
  ['broken percent-encoding', 'awskms:///alias/%'],
  ['percent-encoding that is not UTF-8', 'awskms:///alias/a?profile=%FF'],
  ['a lone surrogate', 'awskms:///alias/a?profile=\ud800'],
  ['a port out of range', 'awskms://localhost:65536/alias/a'],
  ['a port with a leading zero', 'awskms://localhost:080/alias/a'],
  ['a shortened IP address', 'awskms://127.1/alias/a'],
  ['credentials in the endpoint', 'awskms://user:secret@host/alias/a'],
  ['more than 4096 characters', `awskms:///alias/a?profile=${'%61'.repeat(1400)}`],
])('%s is refused', (_, text) => {
  expect(() => parseAwsKmsUri(text)).toThrow(invalid)
})

test('credentials in an endpoint are not repeated in the error', () => {
  const attempt = (): unknown => parseAwsKmsUri('awskms://user:secret@host/alias/a')

  expect(attempt).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining('secret') as unknown }),
  )
})

test('a region that is not the one in the ARN is refused', () => {
  const arn = `arn:aws:kms:eu-west-1:111122223333:key/${UUID}`

  expect(regionOf(parseAwsKmsUri(`awskms:///${arn}`))).toBe('eu-west-1')
  expect(regionOf(parseAwsKmsUri(`awskms:///${arn}?region=eu-west-1`))).toBe('eu-west-1')
  expect(() => parseAwsKmsUri(`awskms:///${arn}?region=us-east-1`)).toThrow(invalid)
})

test('an account reference names no key', () => {
  expect(parseAwsKmsAccount('awskms:///?region=eu-west-1')).toEqual({ region: 'eu-west-1' })
  expect(parseAwsKmsAccount('awskms://LOCALHOST:4566/')).toEqual({ endpoint: 'localhost:4566' })
  expect(() => parseAwsKmsAccount('awskms:///alias/release')).toThrow(invalid)
})

test.each([
  ['localhost:4566', 'http://localhost:4566'],
  ['127.0.0.1', 'http://127.0.0.1'],
  ['127.8.9.10:1', 'http://127.8.9.10:1'],
  ['[::1]:80', 'http://[::1]:80'],
  ['kms.example.com', 'https://kms.example.com'],
  ['localhost.example.com', 'https://localhost.example.com'],
  ['127.0.0.1.example.com', 'https://127.0.0.1.example.com'],
  ['10.0.0.1:4566', 'https://10.0.0.1:4566'],
])('the endpoint %s is reached at %s', (endpoint, url) => {
  expect(endpointUrl(endpoint)).toBe(url)
})

const alias = fc.stringMatching(/^alias\/[a-zA-Z0-9/_-]{1,250}$/)
const region = fc.constantFrom('eu-west-1', 'us-gov-west-1', 'us-isob-east-1', 'local')
const keyId = fc.oneof(alias, fc.uuid(), fc.stringMatching(/^mrk-[0-9a-f]{32}$/))
const uris = fc.record(
  {
    scheme: fc.constant('awskms' as const),
    keyId,
    endpoint: fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.tuple(fc.domain(), fc.integer({ min: 1, max: 65_535 })).map((parts) => parts.join(':')),
    ),
    region,
    profile: fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .filter((text) => /^\P{Cc}{1,128}$/u.test(text)),
  },
  { requiredKeys: ['scheme', 'keyId'] },
)

test('parsing what was written gives the same reference', () => {
  fc.assert(
    fc.property(uris, (uri) => {
      expect(parseAwsKmsUri(serializeAwsKmsUri(uri))).toEqual(uri)
    }),
  )
})

test('hostile text is refused with a CountersignError, or reads the same after writing', () => {
  const parts = fc.constantFrom(
    'awskms://',
    '/',
    'alias/a',
    '?',
    '&',
    'region=',
    'profile=',
    '%2',
    ':',
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(parts, fc.string())).map((all) => `awskms://${all.join('')}`),
  )
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const uri = parseAwsKmsUri(text)
        expect(parseAwsKmsUri(serializeAwsKmsUri(uri))).toEqual(uri)
      } catch (error) {
        expect(CountersignError.is(error, 'ERR_KEY_URI_INVALID')).toBe(true)
      }
    }),
  )
})
