/** What Google Cloud KMS calls the algorithms. A version signs with one alone. */
import { type Algorithm, type AlgorithmName, isSameAlgorithm } from '../../crypto/algorithms.ts'
import { CountersignError } from '../../errors.ts'

const NAMES: Readonly<Record<string, AlgorithmName>> = {
  EC_SIGN_P256_SHA256: 'ES256',
  EC_SIGN_P384_SHA384: 'ES384',
  EC_SIGN_ED25519: 'EdDSA',
}
/** Padding and hash. */
const RSA = /^RSA_SIGN_(PKCS1|PSS)_(?:(?:2048|3072|4096)_SHA(?=256)|4096_SHA(?=512))(256|512)$/

/** The algorithm of a version; undefined: one that is not ours, or does not sign. */
export function fromGcpAlgorithm(name: string): AlgorithmName | undefined {
  const [, padding, hash] = RSA.exec(name) ?? []
  if (padding === undefined) return Object.hasOwn(NAMES, name) ? NAMES[name] : undefined
  if (padding === 'PSS') return hash === '256' ? 'PS256' : 'PS512'
  return hash === '256' ? 'RS256' : 'RS512'
}

/**
 * Name of the algorithm that a version is made for.
 *
 * @param bits - of the RSA key that is asked for; undefined: any that the algorithm has
 * @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED — Cloud KMS has no such keys
 */
export function toGcpAlgorithm(
  { name, family, hash }: Algorithm,
  bits: number | undefined,
): string {
  const fixed = Object.keys(NAMES).find((one) => isSameAlgorithm(NAMES[one] ?? '', name))
  if (fixed !== undefined) return fixed
  if (hash === undefined || family === 'ecdsa') throw unsupported(name, bits)
  // With SHA-512 there are keys of 4096 bits alone.
  const rsaBits = bits ?? (hash === 'sha512' ? 4096 : 3072)
  const padding = family === 'rsa-pss' ? 'PSS' : 'PKCS1'
  const found = `RSA_SIGN_${padding}_${rsaBits}_SHA${hash.slice(3)}`
  if (fromGcpAlgorithm(found) !== name) throw unsupported(name, bits)
  return found
}

function unsupported(name: string, bits: number | undefined): CountersignError {
  const size = bits === undefined ? '' : ` of ${bits} bits`
  return new CountersignError(
    'ERR_ALGORITHM_UNSUPPORTED',
    `Cloud KMS makes no ${name} keys${size}`,
    { hint: 'choose ES256, ES384, RS256, PS256, EdDSA, or RS512 or PS512 with 4096 bits' },
  )
}
