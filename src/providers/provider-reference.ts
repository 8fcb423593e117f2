/**
 * Where the versions of a key live: one key, or the account, token or folder that new ones are made
 * in. A PIN is never part of it.
 *
 * @packageDocumentation
 */
import { dirname, normalize } from 'node:path'
import { CountersignError } from '../errors.ts'
import { type AwsKmsAccount, type AwsKmsUri, parseAwsKmsAccount, regionOf } from './awskms/uri.ts'
import { assertNoPinValue, type KeyUri, parseKeyUri, serializeKeyUri } from './key-uri.ts'
import { type Pkcs11Uri, serializePkcs11Uri } from './pkcs11/uri.ts'

/** What the `provider` of a key names. */
export type ProviderReference =
  /** The one key that is all there is: it is never rotated. */
  | { readonly kind: 'key'; readonly uri: KeyUri }
  | { readonly kind: 'account'; readonly account: AwsKmsAccount }
  /** A token, without the name of a key on it. */
  | { readonly kind: 'token'; readonly token: Pkcs11Uri }
  /** A path that ends in a slash. */
  | { readonly kind: 'folder'; readonly path: string }

/**
 * Parses the `provider` of a key.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — malformed, a scheme no private key has, or a
 * PIN in it; the message quotes no PIN
 */
export function parseProviderReference(text: string): ProviderReference {
  if (/^awskms:\/\/[^/]*\/(\?|$)/i.test(text)) {
    return { kind: 'account', account: parseAwsKmsAccount(text) }
  }
  const uri = parseScheme(text)
  assertNoPinValue(uri)
  if (uri.scheme === 'file' && uri.path.endsWith('/')) return { kind: 'folder', path: uri.path }
  if (uri.scheme === 'pkcs11' && uri.object === undefined && uri.id === undefined) {
    return { kind: 'token', token: uri }
  }
  return { kind: 'key', uri }
}

function parseScheme(text: string): KeyUri {
  if (/^(file|awskms|pkcs11):/i.test(text)) return parseKeyUri(text)
  const scheme = /^[a-z][a-z0-9+.-]+:/i.exec(text)?.[0]
  throw new CountersignError(
    'ERR_KEY_URI_INVALID',
    scheme === undefined
      ? `"${text}" says no scheme`
      : `no keys can be made or opened in ${scheme}`,
    { hint: 'write file:PATH, awskms:///alias/NAME or pkcs11:token=…;object=…' },
  )
}

/** Which version a key pair is made for. */
export interface VersionName {
  readonly key: string
  readonly version: number
  /** Random, 16 bytes in hex; the same whenever the making of one pair is repeated. */
  readonly mark: string
}

/**
 * Names the key pair of a version in its place, so that no two versions share a name: an alias in KMS,
 * label and CKA_ID on a token, a file in a folder. Undefined where the reference is one key.
 */
export function versionUri(
  reference: ProviderReference,
  { key, version, mark }: VersionName,
): KeyUri | undefined {
  const name = `countersign-${key}-${version}`
  switch (reference.kind) {
    case 'key':
      return undefined
    case 'account':
      return { scheme: 'awskms', keyId: `alias/${name}`, ...reference.account }
    case 'token':
      return { ...reference.token, object: name, id: Buffer.from(mark, 'hex') }
    case 'folder':
      return { scheme: 'file', path: `${reference.path}${key}-${version}.pem` }
  }
}

/**
 * Makes sure that a key lies in the place of a provider, and completes its reference from there. For keys
 * that a remote administrator names, attacker-controlled: anywhere else, a reference could have the service
 * load a module, read a file or call a host of the caller's choice.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — it lies elsewhere, or has a PIN in it
 */
export function keyInPlace(reference: ProviderReference, uri: KeyUri): KeyUri {
  assertNoPinValue(uri)
  const found = completeInPlace(reference, uri)
  if (found !== undefined) return found
  throw new CountersignError('ERR_KEY_URI_INVALID', 'the key is not in the place of the provider', {
    hint: 'name a key in the folder, on the token or in the account that the key has as its provider',
  })
}

function completeInPlace(reference: ProviderReference, uri: KeyUri): KeyUri | undefined {
  switch (reference.kind) {
    case 'key':
      return serializeKeyUri(uri) === serializeKeyUri(reference.uri) ? uri : undefined
    case 'folder': {
      const isThere = uri.scheme === 'file' && dirname(normalize(uri.path)) === resolved(reference)
      return isThere ? uri : undefined
    }
    case 'account':
      return uri.scheme === 'awskms' ? onAccount(reference.account, uri) : undefined
    case 'token':
      return uri.scheme === 'pkcs11' ? onToken(reference.token, uri) : undefined
  }
}

function resolved({ path }: { readonly path: string }): string {
  return dirname(normalize(`${path}key`))
}

function onAccount(account: AwsKmsAccount, uri: AwsKmsUri): AwsKmsUri | undefined {
  const { endpoint = account.endpoint, profile = account.profile, region = account.region } = uri
  const isHere =
    endpoint === account.endpoint && profile === account.profile && region === account.region
  // An ARN names a region too.
  const isOtherRegion = region !== undefined && (regionOf(uri) ?? region) !== region
  return isHere && !isOtherRegion ? { ...uri, ...account } : undefined
}

/** Only the name of a key may come from elsewhere. */
function onToken(token: Pkcs11Uri, uri: Pkcs11Uri): Pkcs11Uri | undefined {
  const { object, id } = uri
  if (object === undefined && id === undefined) return undefined
  const named = {
    ...token,
    ...(object === undefined ? {} : { object }),
    ...(id === undefined ? {} : { id }),
  }
  // What the place says may be left out, and nothing may be added to it.
  const merged = serializePkcs11Uri({ ...named, ...uri })
  return merged === serializePkcs11Uri(named) ? named : undefined
}
