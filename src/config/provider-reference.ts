/**
 * Where the versions of a key live: one key, or the account, token or folder that new ones are made
 * in. A PIN is never part of it.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { parseAwsKmsAccount } from '../providers/awskms/uri.ts'
import { assertNoPinValue, type KeyUri, parseKeyUri } from '../providers/key-uri.ts'

/**
 * Parses the `provider` of a key: the one key it names, or undefined where it only names the place.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — malformed, a scheme no private key has, or a
 * PIN in it; the message quotes no PIN
 */
export function parseProviderReference(text: string): KeyUri | undefined {
  if (/^awskms:\/\/[^/]*\/(\?|$)/i.test(text)) {
    parseAwsKmsAccount(text)
    return undefined
  }
  const uri = parseScheme(text)
  assertNoPinValue(uri)
  if (uri.scheme === 'file' && uri.path.endsWith('/')) return undefined
  if (uri.scheme === 'pkcs11' && uri.object === undefined && uri.id === undefined) return undefined
  return uri
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
