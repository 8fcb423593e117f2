/** What Azure Key Vault calls the algorithms, and the keys for them. */
import type { Algorithm, AlgorithmName } from '../../crypto/algorithms.ts'
import { CountersignError } from '../../errors.ts'

/** Those that keys in Key Vault sign with; there are none for Ed25519. */
const SUPPORTED: ReadonlySet<AlgorithmName> = new Set([
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
])

/**
 * Name of an algorithm in a request to sign: that of JOSE.
 *
 * @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED
 */
export function toAzureAlgorithm({ name }: Algorithm): string {
  if (SUPPORTED.has(name)) return name
  throw new CountersignError('ERR_ALGORITHM_UNSUPPORTED', `Key Vault has no ${name} keys`, {
    hint: `choose ${[...SUPPORTED].join(', ')}`,
  })
}

/**
 * Members of a request that choose the type of a new key.
 *
 * @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED
 */
export function toAzureKeyType(
  algorithm: Algorithm,
  rsaBits: () => number,
  isHsm: boolean,
): Readonly<Record<string, string | number>> {
  toAzureAlgorithm(algorithm)
  const suffix = isHsm ? '-HSM' : ''
  return algorithm.family === 'ecdsa'
    ? { kty: `EC${suffix}`, crv: algorithm.curve.name }
    : { kty: `RSA${suffix}`, key_size: rsaBits() }
}

/** Type of a key as a JWK has it (RFC 7518 section 6.1): where the key is kept is not part of it. */
export function toJwkType(kty: string): string {
  return kty.replace(/-HSM$/, '')
}
