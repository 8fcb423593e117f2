import { expect, test } from 'vitest'
import { parseKeyUri, serializeKeyUri } from '../../src/providers/key-uri.ts'
import {
  keyInLocation,
  parseProviderReference,
  versionUri,
} from '../../src/providers/provider-reference.ts'
import { codeOf } from '../support/errors.ts'

const MARK = '00112233445566778899aabbccddeeff'

test.each([
  ['file:keys/', 'file:keys/release-3.pem'],
  ['file:/var/keys/', 'file:/var/keys/release-3.pem'],
  ['awskms:///?region=eu-west-1', 'awskms:///alias/countersign-release-3?region=eu-west-1'],
  ['awskms://kms.lab:4566/', 'awskms://kms.lab:4566/alias/countersign-release-3'],
  [
    'pkcs11:token=prod?module-path=/m.so&pin-source=file:/run/pin',
    'pkcs11:token=prod;object=countersign-release-3;id=%00%11%22%33%44%55%66%77%88%99%AA%BB%CC%DD%EE%FF?module-path=/m.so&pin-source=file:/run/pin',
  ],
])('in %s a new version is %s', (provider, expected) => {
  const uri = versionUri(parseProviderReference(provider), {
    key: 'release',
    version: 3,
    mark: MARK,
  })

  const text = uri === undefined ? '' : serializeKeyUri(uri)
  expect(text).toBe(expected)
  expect(parseKeyUri(text)).toEqual(uri)
})

test.each(['file:release.pem', 'awskms:///alias/release', 'pkcs11:token=prod;object=release'])(
  '%s is one key, beside which none is made',
  (provider) => {
    const reference = parseProviderReference(provider)

    expect(reference).toMatchObject({ kind: 'key' })
    expect(versionUri(reference, { key: 'release', version: 2, mark: MARK })).toBeUndefined()
  },
)

test.each(['env://KEY', 'keys/', 'pkcs11:token=prod?pin-value=1234', 'awskms://'])(
  '%s cannot hold private keys',
  (provider) => {
    expect(codeOf(() => parseProviderReference(provider))).toBe('ERR_KEY_URI_INVALID')
  },
)

test.each([
  ['file:keys/', 'file:keys/old.pem', 'file:keys/old.pem'],
  ['file:./keys/', 'file:keys/old.pem', 'file:keys/old.pem'],
  ['awskms:///?region=eu-west-1', 'awskms:///alias/old', 'awskms:///alias/old?region=eu-west-1'],
  [
    'pkcs11:token=prod?module-path=/m.so&pin-source=file:/run/pin',
    'pkcs11:object=old;id=%01',
    'pkcs11:token=prod;object=old;id=%01?module-path=/m.so&pin-source=file:/run/pin',
  ],
  ['file:release.pem', 'file:release.pem', 'file:release.pem'],
])('in the place %s, %s is %s', (provider, reference, expected) => {
  const uri = keyInLocation(parseProviderReference(provider), parseKeyUri(reference))

  expect(serializeKeyUri(uri)).toBe(expected)
})

test.each([
  ['file:keys/', 'file:keys/deep/old.pem'],
  ['file:keys/', 'file:keys/../old.pem'],
  ['file:keys/', 'file:/keys/old.pem'],
  ['file:keys/', 'https://keys.example/old.pem'],
  ['file:release.pem', 'file:other.pem'],
  ['awskms:///?region=eu-west-1', 'awskms://kms.evil/alias/old'],
  ['awskms:///?region=eu-west-1', 'awskms:///alias/old?profile=other'],
  ['awskms:///?region=eu-west-1', 'awskms:///alias/old?region=us-east-1'],
  [
    'awskms:///?region=eu-west-1',
    'awskms:///arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  ],
  ['pkcs11:token=prod?module-path=/m.so', 'pkcs11:object=old?module-path=/evil.so'],
  ['pkcs11:token=prod?module-path=/m.so', 'pkcs11:token=other;object=old'],
  ['pkcs11:token=prod?module-path=/m.so', 'pkcs11:object=old?pin-source=file:/etc/shadow'],
  ['pkcs11:token=prod?module-path=/m.so', 'pkcs11:object=old?pin-value=1234'],
  ['pkcs11:token=prod?module-path=/m.so', 'pkcs11:token=prod'],
])('the place %s does not have %s', (provider, reference) => {
  const place = parseProviderReference(provider)

  expect(codeOf(() => keyInLocation(place, parseKeyUri(reference)))).toBe('ERR_KEY_URI_INVALID')
})
