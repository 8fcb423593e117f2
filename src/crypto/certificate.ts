/**
 * Certificates (RFC 5280): as much as is looked at before anything makes a key of one. Their signatures
 * and names are for those who verify chains.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { contextTag, DerReader, TAG } from './der-reader.ts'
import { parsePublicKeySpki, type PublicKeyInfo } from './public-key.ts'

/** Longest certificate that is read; those that sign code or times are a tenth of it. */
export const MAX_CERTIFICATE_BYTES: number = 16 * 1024

function malformed(): CountersignError {
  return new CountersignError('ERR_KEY_INVALID', 'malformed certificate')
}

/**
 * Reads the public key of a certificate, judged like every key. The input is attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — not a certificate in DER, over 16 KiB, or its key is not
 * one that may be trusted; ERR_ALGORITHM_UNSUPPORTED — `algorithm` is unknown
 */
export function readCertificateKey(der: Uint8Array, algorithm?: string): PublicKeyInfo {
  if (der.length > MAX_CERTIFICATE_BYTES) throw malformed()
  const outer = new DerReader(der, malformed)
  const certificate = outer.enter()
  outer.assertEnd()
  const toBeSigned = certificate.enter()
  toBeSigned.readOptional(contextTag(0))
  toBeSigned.read(TAG.integer)
  // Algorithm of the signature, issuer, validity, subject.
  for (let skipped = 0; skipped < 4; skipped += 1) toBeSigned.read(TAG.sequence)
  return parsePublicKeySpki(toBeSigned.readElement(TAG.sequence), algorithm)
}
