/**
 * Pinning the trust key of a service: by a fingerprint that its operator tells over another way.
 *
 * @packageDocumentation
 */
import { hashBytes } from '../crypto/digest.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { parseEnvelope } from '../formats/dsse.ts'
import { parseKeyHistory } from '../keys/key-history.ts'

/** Fingerprint of a key: `sha256:` and the SHA-256 of its SubjectPublicKeyInfo in hex. */
export function fingerprintOf({ spki }: PublicKeyInfo): string {
  return `sha256:${Buffer.from(hashBytes('sha256', spki)).toString('hex')}`
}

/**
 * Reads a fingerprint as people copy it: with or without `sha256:`, in any case, with colons or blanks.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function parseFingerprint(text: string): string {
  const hex = text
    .toLowerCase()
    .replace(/^sha256:/, '')
    .replaceAll(/[\s:]/g, '')
  if (/^[0-9a-f]{64}$/.test(hex)) return `sha256:${hex}`
  throw new CountersignError('ERR_USAGE', `"${text.slice(0, 100)}" is not a SHA-256 fingerprint`, {
    hint: 'write sha256: and 64 hex digits, as the operator of the service publishes them',
  })
}

/**
 * Finds the trust key that signed a publication among those it names itself. That proves nothing yet:
 * an attacker who answers may have made both. Only the fingerprint, obtained separately, does.
 *
 * @throws {@link CountersignError} ERR_TRUST_INVALID, ERR_ENVELOPE_INVALID, ERR_JSON_INVALID — malformed, or
 * not signed by a key it names
 */
export function findTrustKey(publication: Uint8Array): PublicKeyInfo {
  const { payload } = parseEnvelope(publication)
  const named = parseKeyHistory(payload).trustKeys ?? []
  const signer = named.find((key) => isSignedBy(publication, key))
  if (signer !== undefined) return signer
  throw new CountersignError(
    'ERR_TRUST_INVALID',
    `none of the ${named.length} trust keys that the publication names has signed it`,
    { hint: 'check that the address is that of a countersign service' },
  )
}

function isSignedBy(publication: Uint8Array, key: PublicKeyInfo): boolean {
  try {
    parseKeyHistory(publication, key)
    return true
  } catch (error) {
    if (CountersignError.is(error, 'ERR_SIGNATURE_INVALID')) return false
    throw error
  }
}

/**
 * Makes sure that a trust key is the one whose fingerprint is known.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_TRUSTED
 */
export function assertFingerprint(key: PublicKeyInfo, fingerprint: string): void {
  const found = fingerprintOf(key)
  if (found === fingerprint) return
  throw new CountersignError(
    'ERR_KEY_NOT_TRUSTED',
    `the trust key of the service is ${found}, not ${fingerprint}`,
    {
      hint: 'ask the operator of the service whether the trust key was rotated; if not, another server is impersonating it',
      details: { expected: fingerprint, actual: found },
    },
  )
}
