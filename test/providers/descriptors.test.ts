import { describe, expect, test } from 'vitest'
import {
  displayKeyUri,
  findProvider,
  parseKeyUri,
  PROVIDERS,
  serializeKeyUri,
} from '../../src/providers/key-uri.ts'
import { parseProviderReference, versionUri } from '../../src/providers/provider-reference.ts'
import { codeOf } from '../support/errors.ts'

const MARK = '00112233445566778899aabbccddeeff'

/** A location of each provider that makes keys. */
const LOCATIONS: Readonly<Record<string, string>> = {
  awskms: 'awskms:///?region=eu-west-1',
  file: 'file:keys/',
  azurekms: 'azurekms://acme.vault.azure.net?protection=hsm',
  gcpkms: 'gcpkms://projects/acme/locations/global/keyRings/release?protection=hsm',
  openbao: 'openbao://?mount=team/transit',
  pkcs11: 'pkcs11:token=prod?module-path=/m.so',
}

test('a scheme is of one provider, and one provider takes what has none', () => {
  const schemes = PROVIDERS.flatMap(({ scheme, aliases = [] }) => [scheme, ...aliases])

  expect(new Set(schemes).size).toBe(schemes.length)
  expect(PROVIDERS.filter(({ isDefault }) => isDefault === true)).toHaveLength(1)
  expect(PROVIDERS.map(({ scheme }) => scheme).filter((one) => one in LOCATIONS)).toHaveLength(
    Object.keys(LOCATIONS).length,
  )
})

describe.each(PROVIDERS.map((provider) => [provider.scheme, provider] as const))(
  '%s',
  (scheme, provider) => {
    test('reads its examples, and what it writes of them', () => {
      for (const example of provider.examples) {
        expect(findProvider(example)).toBe(provider)
        const uri = parseKeyUri(example)

        expect(uri.scheme).toBe(scheme)
        expect(parseKeyUri(serializeKeyUri(uri))).toEqual(uri)
        expect(findProvider(example.replace(scheme, scheme.toUpperCase()))).toBe(provider)
        expect(displayKeyUri(uri)).toBe(serializeKeyUri(uri))
      }
    })

    test('has a location where and only where it keeps private keys', () => {
      expect(provider.place !== undefined).toBe(provider.custody !== 'public')
      expect(provider.place !== undefined).toBe(scheme in LOCATIONS)
    })
  },
)

test.each(Object.entries(LOCATIONS))(
  '%s names each version apart, inside its location',
  (_scheme, location) => {
    const reference = parseProviderReference(location)
    if (reference.kind === 'key') throw new Error('a location, not a key')
    const names = [1, 2].flatMap((version) =>
      ['release', 'nightly'].map((key) => ({ key, version, mark: MARK })),
    )

    const made = names.flatMap((name) => versionUri(reference, name) ?? [])

    expect(new Set(made.map(serializeKeyUri)).size).toBe(names.length)
    for (const uri of made) {
      expect(reference.location.complete(uri)).toEqual(uri)
      expect(parseProviderReference(serializeKeyUri(uri))).toEqual({ kind: 'key', uri })
    }
  },
)

test.each(PROVIDERS.filter((provider) => provider.rebase !== undefined))(
  '$scheme rebases relative paths alone',
  (provider) => {
    const { scheme } = provider
    expect(provider.rebase?.(`${scheme}:a/b.pem`, '/etc')).toBe(`${scheme}:/etc/a/b.pem`)
    expect(provider.rebase?.(`${scheme}:/a/b.pem`, '/etc')).toBe(`${scheme}:/a/b.pem`)
  },
)

test.each(['pkcs11:token=prod?pin-value=1234', 'pkcs11:token=prod;object=a?pin-value=1234'])(
  'a secret is refused in %s, and no error repeats it',
  (text) => {
    expect(codeOf(() => parseProviderReference(text))).toBe('ERR_KEY_URI_INVALID')
    expect(() => parseProviderReference(text)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('1234') as string }),
    )
    expect(displayKeyUri(parseKeyUri(text))).not.toContain('1234')
  },
)
