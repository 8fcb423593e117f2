/** The check every content passes: the digest and size it was asked for by. */
import { type Digest, digestHash, digestOf, isDigest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import type { Descriptor } from '../formats/oci-descriptor.ts'
import { invalidManifest } from '../formats/oci-descriptor.ts'

/** Largest blob read, in bytes: signatures, attestations and SBOMs, never layers. */
export const MAX_BLOB_BYTES: number = 32 * 1024 * 1024

/**
 * Guarantees that bytes are those of a digest.
 *
 * @throws {@link CountersignError} ERR_DIGEST_MISMATCH
 */
export function assertDigest(bytes: Uint8Array, digest: Digest, location: string): void {
  const actual = digestOf(bytes, digestHash(digest))
  if (actual === digest) return
  throw new CountersignError(
    'ERR_DIGEST_MISMATCH',
    `${location} gives other content for ${digest}: ${actual}`,
    { hint: 'the store is damaged or lies; nothing it gave is used', details: { digest, actual } },
  )
}

/**
 * The digest of a descriptor whose content can be fetched and checked.
 *
 * @throws {@link CountersignError} ERR_MANIFEST_INVALID — an algorithm unknown here; ERR_INPUT_TOO_LARGE —
 * over `maxBytes`, before anything is fetched
 */
export function checkableDigest({ digest, size }: Descriptor, maxBytes: number): Digest {
  if (!isDigest(digest)) throw invalidManifest('a digest that cannot be checked here')
  if (size <= maxBytes) return digest
  throw new CountersignError('ERR_INPUT_TOO_LARGE', `${digest} has ${size} bytes`, {
    hint: `at most ${maxBytes} bytes are read`,
    details: { digest, size, maxBytes },
  })
}

/**
 * Guarantees that bytes are what a descriptor points to.
 *
 * @throws {@link CountersignError} ERR_DIGEST_MISMATCH
 */
export function assertContent(bytes: Uint8Array, descriptor: Descriptor, location: string): void {
  assertDigest(bytes, checkableDigest(descriptor, Infinity), location)
  if (bytes.length === descriptor.size) return
  throw new CountersignError(
    'ERR_DIGEST_MISMATCH',
    `${location}: ${descriptor.digest} has ${bytes.length} bytes, not the ${descriptor.size} it is listed with`,
    { details: { digest: descriptor.digest, size: descriptor.size, actual: bytes.length } },
  )
}
