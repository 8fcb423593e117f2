/**
 * DigestInfo (RFC 8017 section 9.2, note 1): the fixed DER prefix that PKCS#1 v1.5 puts before a
 * digest. Only the form with NULL parameters, the one every signer writes.
 *
 * @packageDocumentation
 */
import { DIGEST_BYTES, type HashName } from './digest.ts'

/** Last byte of each hash's object identifier 2.16.840.1.101.3.4.2.x. */
const OID_BYTE: Readonly<Record<HashName, number>> = { sha256: 1, sha384: 2, sha512: 3 }

/** Wraps a digest as RSASSA-PKCS1-v1_5 signs it. */
export function toDigestInfo(hash: HashName, digest: Uint8Array): Uint8Array {
  const size = DIGEST_BYTES[hash]
  const oid = [0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, OID_BYTE[hash]]
  const identifier = [0x30, oid.length + 2, ...oid, 0x05, 0x00]
  return Uint8Array.of(0x30, identifier.length + 2 + size, ...identifier, 0x04, size, ...digest)
}
