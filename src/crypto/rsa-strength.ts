/**
 * RSA keys that must not be trusted, however well they parse: too short, too long to check cheaply,
 * a bad exponent (FIPS 186-5 section 5.4), or made by the generator of CVE-2017-15361 (ROCA).
 *
 * @packageDocumentation
 */
import type { KeyObject } from 'node:crypto'
import { CountersignError } from '../errors.ts'

const MIN_MODULUS_BITS = 2048
const MAX_MODULUS_BITS = 8192

/** Primes whose residues tell ROCA moduli from random ones (Nemec et al., CCS 2017, section 3). */
const ROCA_PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
] as const

/** The powers of 65537 modulo a small prime: the only residues a ROCA modulus can have. */
function powersOf65537(prime: number): ReadonlySet<number> {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power)
  return powers
}

function isRoca(modulus: bigint): boolean {
  return ROCA_PRIMES.every((prime) => powersOf65537(prime).has(Number(modulus % BigInt(prime))))
}

/**
 * Refuses RSA keys that are not safe to trust.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — modulus under 2048 or over 8192 bits, exponent
 * even or under 3, or a ROCA key
 */
export function assertStrongRsa(key: KeyObject): void {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  const refuse = (why: string): never => {
    throw new CountersignError('ERR_KEY_INVALID', `RSA key refused: ${why}`, {
      hint: 'use an RSA key of 3072 bits with exponent 65537, or ES256',
    })
  }
  if (modulusLength < MIN_MODULUS_BITS) refuse(`${modulusLength} bits, at least 2048 are needed`)
  if (modulusLength > MAX_MODULUS_BITS) refuse(`${modulusLength} bits, at most 8192 are allowed`)
  if (publicExponent < 3n || publicExponent % 2n === 0n)
    refuse('its public exponent is not odd, 3 or more')
  const { n } = key.export({ format: 'jwk' })
  const modulus = BigInt(`0x${Buffer.from(n ?? '', 'base64url').toString('hex')}`)
  if (isRoca(modulus)) refuse('it was made by a broken generator (CVE-2017-15361)')
}
