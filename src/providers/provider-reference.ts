/**
 * Where the versions of a key live: one key, or the account, token or folder that new ones are made
 * in. A PIN is never part of it.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { type AwsKmsAccount, parseAwsKmsAccount } from './awskms/uri.ts'
import { assertNoPinValue, type KeyUri, parseKeyUri } from './key-uri.ts'
import type { Pkcs11Uri } from './pkcs11/uri.ts'

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
