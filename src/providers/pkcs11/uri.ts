/** PKCS#11 URIs (RFC 7512). */
import { CountersignError } from '../../errors.ts'

/** One object, token or slot of a PKCS#11 module; every value is decoded. */
export interface Pkcs11Uri {
  readonly scheme: 'pkcs11'
}

/** Parses a `pkcs11:` URI. */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
  throw new CountersignError('ERR_KEY_URI_INVALID', text)
}

/** Writes a URI so that {@link parsePkcs11Uri} reads it back. */
export function serializePkcs11Uri(uri: Pkcs11Uri): string {
  return uri.scheme
}
