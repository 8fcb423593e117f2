/**
 * EMSA-PSS verification (RFC 8017 section 9.1.2) with MGF1 over the same hash and a salt exactly as
 * long as the digest: what node:crypto does for a message, for a digest that is already there.
 *
 * @packageDocumentation
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { DIGEST_BYTES, type HashName } from './digest.ts'

/** MGF1 (RFC 8017 appendix B.2.1). */
function mgf1(hash: HashName, seed: Uint8Array, length: number): Uint8Array {
  const blocks: Buffer[] = []
  for (let counter = 0; blocks.length * DIGEST_BYTES[hash] < length; counter += 1) {
    const number = Buffer.alloc(4)
    number.writeUInt32BE(counter)
    blocks.push(createHash(hash).update(seed).update(number).digest())
  }
  return Buffer.concat(blocks).subarray(0, length)
}

/**
 * Whether an encoded message, as the raw RSA operation gave it back, is the PSS encoding of a digest.
 *
 * @param encoded - the whole RSA block, as long as the modulus
 * @param bits - emBits: modulus bits less one
 */
export function verifyEmsaPss(
  encoded: Uint8Array,
  digest: Uint8Array,
  hash: HashName,
  bits: number,
): boolean {
  const hashBytes = DIGEST_BYTES[hash]
  const length = Math.ceil(bits / 8)
  const extra = encoded.length - length
  if (extra < 0 || encoded.subarray(0, extra).some((byte) => byte !== 0)) return false
  const block = encoded.subarray(extra)
  const maskLength = length - hashBytes - 1
  const padLength = maskLength - hashBytes - 1
  if (padLength < 0 || block[length - 1] !== 0xbc || digest.length !== hashBytes) return false

  const seed = block.subarray(maskLength, length - 1)
  const unusedBits = 8 * length - bits
  const topMask = 0xff >> unusedBits
  if (((block[0] ?? 0) & ~topMask & 0xff) !== 0) return false
  const mask = mgf1(hash, seed, maskLength)
  const database = block.subarray(0, maskLength).map((byte, index) => byte ^ (mask[index] ?? 0))
  database[0] = (database[0] ?? 0) & topMask
  if (database.subarray(0, padLength).some((byte) => byte !== 0) || database[padLength] !== 1) {
    return false
  }
  const salt = database.subarray(padLength + 1)
  const expected = createHash(hash).update(new Uint8Array(8)).update(digest).update(salt).digest()
  return timingSafeEqual(expected, seed)
}
