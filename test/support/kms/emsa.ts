/** RSA encodings of a digest (RFC 8017 section 9), written for the KMS double alone. */
import { createHash, randomBytes } from 'node:crypto'

/** DER of AlgorithmIdentifier and OCTET STRING header before each digest (section 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<string, string>> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
}

/** DigestInfo, as RSASSA-PKCS1-v1_5 pads and signs it. */
export function encodeDigestInfo(hash: string, digest: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(DIGEST_INFO[hash] ?? '', 'hex'), digest])
}

/** EMSA-PSS-ENCODE for a modulus of whole bytes; `saltLength` undefined: the longest that fits. */
export function encodePss(
  hash: string,
  digest: Uint8Array,
  blockLength: number,
  saltLength: number = blockLength - digest.length - 2,
): Uint8Array {
  const salt = randomBytes(saltLength)
  const seed = seedOf(hash, digest, salt)
  const padding = Buffer.alloc(blockLength - saltLength - digest.length - 2)
  const masked = xor(
    Buffer.concat([padding, Buffer.of(1), salt]),
    mgf1(hash, seed, blockLength - digest.length - 1),
  )
  // emBits is one less than the modulus, so the top bit is left over.
  masked[0] = (masked[0] ?? 0) & 0x7f
  return Buffer.concat([masked, seed, Buffer.of(0xbc)])
}

/** EMSA-PSS-VERIFY with a salt as long as the digest. */
export function verifyPss(hash: string, digest: Uint8Array, encoded: Uint8Array): boolean {
  const seed = encoded.subarray(encoded.length - digest.length - 1, -1)
  const masked = encoded.subarray(0, encoded.length - digest.length - 1)
  const database = xor(masked, mgf1(hash, seed, masked.length))
  database[0] = (database[0] ?? 0) & 0x7f
  const salt = database.subarray(-digest.length)
  const padding = Buffer.alloc(database.length - digest.length)
  padding[padding.length - 1] = 1
  return (
    encoded.at(-1) === 0xbc &&
    padding.equals(database.subarray(0, padding.length)) &&
    Buffer.from(seed).equals(seedOf(hash, digest, salt))
  )
}

function seedOf(hash: string, digest: Uint8Array, salt: Uint8Array): Uint8Array {
  return createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest()
}

function mgf1(hash: string, seed: Uint8Array, length: number): Uint8Array {
  const size = createHash(hash).digest().length
  const blocks = Array.from({ length: Math.ceil(length / size) }, (_, counter) =>
    createHash(hash)
      .update(seed)
      .update(Buffer.of(0, 0, counter >> 8, counter & 0xff))
      .digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}

function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, index) => byte ^ (right[index] ?? 0))
}
