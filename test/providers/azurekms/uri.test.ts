import { describe, expect, test } from 'vitest'
import { parseAzureKmsUri, parseAzureVault } from '../../../src/providers/azurekms/uri.ts'
import { parseKeyUri, serializeKeyUri } from '../../../src/providers/key-uri.ts'
import {
  keyInLocation,
  parseProviderReference,
  versionUri,
} from '../../../src/providers/provider-reference.ts'
import { codeOf } from '../../support/errors.ts'

const VERSION = 'b1089bbf068742d483970282f02090de'
const REFERENCE = 'azurekms://acme.vault.azure.net/release'
const URI = { scheme: 'azurekms', vault: 'acme.vault.azure.net', key: 'release' }

test.each([
  [REFERENCE, URI],
  [`${REFERENCE}/`, URI],
  [`${REFERENCE}/${VERSION}`, { ...URI, version: VERSION }],
  [`azurekms://acme.vault.azure.net/keys/release/${VERSION}`, { ...URI, version: VERSION }],
  [`azurekms://acme.vault.azure.net/keys/${VERSION}`, { ...URI, key: 'keys', version: VERSION }],
  ['AzureKMS://ACME.Vault.Azure.Net/Release', { ...URI, key: 'Release' }],
  ['azurekms://acme.managedhsm.azure.net/release', { ...URI, vault: 'acme.managedhsm.azure.net' }],
  [`${REFERENCE}?protection=hsm`, { ...URI, protection: 'hsm' }],
])('%s is taken as cosign takes it, and read back', (text, expected) => {
  const uri = parseKeyUri(text)

  expect(uri).toEqual(expected)
  expect(parseKeyUri(serializeKeyUri(uri))).toEqual(expected)
})

test.each([
  'azurekms://acme.vault.azure.net',
  'azurekms://acme.vault.azure.net.evil.example/release',
  'azurekms://vault.azure.net/release',
  'azurekms://evil.example/release',
  'azurekms://acmexvault.azure.net/release',
  'azurekms://a.acme.vault.azure.net/release',
  'azurekms://user@acme.vault.azure.net/release',
  'azurekms://acme.vault.azure.net:8443/release',
  'azurekms://169.254.169.254/release',
  'azurekms://localhost/release',
  `${REFERENCE}/1`,
  `${REFERENCE}/${VERSION}/sign`,
  `${REFERENCE}/${VERSION}#x`,
  `${REFERENCE}?protection=none`,
  `${REFERENCE}?api-version=7.0`,
  'azurekms://acme.vault.azure.net/re_lease',
  'azurekms://acme.vault.azure.net/../secrets',
  'azurekms://acme.vault.azure.net/%72elease',
])('a token is not for %s, which is refused', (text) => {
  expect(codeOf(() => parseAzureKmsUri(text))).toBe('ERR_KEY_URI_INVALID')
})

describe('a vault', () => {
  const location = parseProviderReference('azurekms://Acme.vault.azure.net/')

  test('is a location of the keys in it alone', () => {
    const other = parseKeyUri(REFERENCE.replace('acme', 'evil'))

    expect(keyInLocation(location, parseKeyUri(REFERENCE))).toEqual(URI)
    expect(codeOf(() => keyInLocation(location, other))).toBe('ERR_KEY_URI_INVALID')
    expect(parseAzureVault(REFERENCE)).toBeUndefined()
  })

  test.each([
    ['release', 'countersign-release-2'],
    ['re_lease', `countersign-${'1'.repeat(32)}-2`],
    ['k'.repeat(127), `countersign-${'1'.repeat(32)}-2`],
  ])('holds a version of %s under a name that Key Vault takes', (key, expected) => {
    const name = { key, version: 2, mark: '1'.repeat(32) }

    expect(versionUri(location, name)).toMatchObject({ key: expected })
  })
})
