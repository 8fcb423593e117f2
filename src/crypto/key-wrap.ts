/**
 * Wraps key material so that one backend alone can unwrap it: an AES key encrypted to its RSA key (OAEP, RFC 8017),
 * and the material wrapped with that AES key (RFC 5649). PKCS#11 calls it CKM_RSA_AES_KEY_WRAP.
 *
 * @packageDocumentation
 */
import { constants, createCipheriv, publicEncrypt, randomBytes } from 'node:crypto'
import type { PublicKeyInfo } from './public-key.ts'

/** Ways to wrap, as AWS KMS names them; they differ in the hash of OAEP, and many tokens have SHA-1 alone. */
export const KEY_WRAPPINGS = {
  RSA_AES_KEY_WRAP_SHA_256: 'sha256',
  RSA_AES_KEY_WRAP_SHA_1: 'sha1',
} as const

/** One of {@link KEY_WRAPPINGS}. */
export type KeyWrapping = keyof typeof KEY_WRAPPINGS

/** Initial value of RFC 5649 section 3; the length follows it. */
const AIV = Buffer.from('a65959a6', 'hex')

/**
 * Wraps the material of a private key (PKCS#8, DER) to an RSA key. The AES key between them is random, and
 * forgotten.
 */
export function wrapKeyMaterial(
  material: Uint8Array,
  wrapping: KeyWrapping,
  { keyObject }: PublicKeyInfo,
): Uint8Array {
  const secret = randomBytes(32)
  try {
    const cipher = createCipheriv('id-aes256-wrap-pad', secret, AIV)
    const wrapped = Buffer.concat([cipher.update(material), cipher.final()])
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const oaepHash = KEY_WRAPPINGS[wrapping]
    return Buffer.concat([publicEncrypt({ key: keyObject, padding, oaepHash }, secret), wrapped])
  } finally {
    secret.fill(0)
  }
}
