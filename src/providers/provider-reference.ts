/**
 * Where the versions of a key live: one key, or the account, token or folder that new ones are made
 * in. A PIN is never part of it.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { KeyLocation, VersionName } from './descriptor.ts'
import {
  assertNoSecret,
  findProvider,
  joinOr,
  type KeyUri,
  schemeOf,
  serializeKeyUri,
  SIGNING_PROVIDERS,
} from './key-uri.ts'

/** What the `provider` of a key names. */
export type ProviderReference =
  /** The one key that is all there is: it is never rotated. */
  | { readonly kind: 'key'; readonly uri: KeyUri }
  | {
      readonly kind: 'location'
      readonly scheme: KeyUri['scheme']
      readonly location: KeyLocation<KeyUri>
    }

/**
 * Parses the `provider` of a key.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — malformed, a scheme no private key has, or a
 * PIN in it; the message quotes no PIN
 */
export function parseProviderReference(text: string): ProviderReference {
  const scheme = schemeOf(text)
  const provider = scheme === undefined ? undefined : findProvider(text)
  if (provider?.place === undefined) throw noPrivateKeys(text, scheme)
  const location = provider.place(text)
  const uri = location?.versionUri(ANY_VERSION) ?? provider.parse(text)
  // A secret of the location would be in the reference to each of its keys.
  assertNoSecret(uri)
  if (location === undefined) return { kind: 'key', uri }
  return { kind: 'location', scheme: provider.scheme, location }
}

/**
 * Adds regions to the `provider` of a key: its versions are in each of them.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — such keys have no regions, or the reference names one
 */
export function inRegions(text: string, regions: readonly string[]): string {
  const provider = findProvider(text)
  if (provider?.inRegions === undefined) {
    const message = 'only keys of a provider with regions can be in several'
    throw new CountersignError('ERR_KEY_URI_INVALID', message, { hint: 'leave out the regions' })
  }
  const combined = provider.inRegions(text, regions)
  parseProviderReference(combined)
  return combined
}

const ANY_VERSION: VersionName = { key: 'any', version: 1, mark: '00' }

function noPrivateKeys(text: string, scheme: string | undefined): CountersignError {
  return new CountersignError(
    'ERR_KEY_URI_INVALID',
    scheme === undefined
      ? `"${text}" has no scheme`
      : `no keys can be made or opened in ${scheme}:`,
    { hint: `write ${joinOr(SIGNING_PROVIDERS.map(({ template }) => template))}` },
  )
}

/**
 * Names the key pair of a version in its location, so that no two versions share a name. Undefined where the
 * reference is one key.
 */
export function versionUri(reference: ProviderReference, name: VersionName): KeyUri | undefined {
  return reference.kind === 'key' ? undefined : reference.location.versionUri(name)
}

/**
 * Makes sure that a key is in the location of a provider, and completes its reference from there. For keys
 * that a remote administrator names, attacker-controlled: anywhere else, a reference could have the service
 * load a module, read a file or call a host of the caller's choice.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — it is elsewhere, or has a PIN in it
 */
export function keyInLocation(reference: ProviderReference, uri: KeyUri): KeyUri {
  assertNoSecret(uri)
  const found = completeInLocation(reference, uri)
  if (found !== undefined) return found
  throw new CountersignError('ERR_KEY_URI_INVALID', 'key is outside the configured provider', {
    hint: 'name a key in the folder, on the token or in the account that the key has as its provider',
  })
}

/** Completes a reference to a key in the location of a provider; undefined: it is elsewhere. */
export function completeInLocation(reference: ProviderReference, uri: KeyUri): KeyUri | undefined {
  if (reference.kind === 'key') {
    return serializeKeyUri(uri) === serializeKeyUri(reference.uri) ? uri : undefined
  }
  return uri.scheme === reference.scheme ? reference.location.complete(uri) : undefined
}
