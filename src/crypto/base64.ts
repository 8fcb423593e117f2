/**
 * Strict base64 (RFC 4648): Node's decoder skips what it does not know, which would let two texts
 * stand for the same bytes, so every text is decoded, encoded again and compared.
 *
 * @packageDocumentation
 */

/** Decodes canonical base64 with padding (RFC 4648 section 4); undefined for anything else. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** Decodes canonical base64url without padding (RFC 4648 section 5); undefined for anything else. */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

/** Encodes with padding (RFC 4648 section 4). */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** Encodes base64url without padding (RFC 4648 section 5). */
export function encodeBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
