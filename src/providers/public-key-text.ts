/**
 * Public keys as people publish them: PEM (RFC 7468) or one JWK (RFC 7517) in JSON.
 *
 * @packageDocumentation
 */
import { parsePublicKeyJwk, parsePublicKeyPem, type PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { isJsonObject, parseJson } from '../formats/json.ts'

const MAX_BYTES = 64 * 1024

/**
 * Reads a public key, telling the two forms apart by the first character. The text is
 * untrusted.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — neither form, or not a key that can be trusted;
 * ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE — as parseJson
 */
export function parsePublicKeyText(text: string, algorithm?: string): PublicKeyInfo {
  if (!text.trimStart().startsWith('{')) return parsePublicKeyPem(text, algorithm)
  const jwk = parseJson(text, { maxBytes: MAX_BYTES })
  if (isJsonObject(jwk) && !('keys' in jwk)) return parsePublicKeyJwk(jwk, algorithm)
  throw new CountersignError('ERR_KEY_INVALID', 'expected one JWK, found a set of keys', {
    hint: 'give the one key that is meant, as a PEM file or a single JWK',
  })
}
