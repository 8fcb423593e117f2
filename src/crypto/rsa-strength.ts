/**
 * RSA keys that must not be trusted, however well they parse: too short, too long to check cheaply,
 * a bad exponent (FIPS 186-5 section 5.4), or made by the generator of CVE-2017-15361 (ROCA).
 *
 * Their numbers are judged as bytes, before a key is made of them: node writes an exponent out as a
 * decimal number when a key's details are read, which takes 24 seconds for one of 190 KB.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'

const MIN_MODULUS_BITS = 2048
const MAX_MODULUS_BITS = 8192
const MAX_EXPONENT_BITS = 256

/** Primes whose residues distinguish ROCA moduli from random ones (Nemec et al., CCS 2017, section 3). */
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

const ROCA_RESIDUES = ROCA_PRIMES.map((prime) => ({
  prime: BigInt(prime),
  residues: powersOf65537(prime),
}))

function isRoca(modulus: bigint): boolean {
  return ROCA_RESIDUES.every(({ prime, residues }) => residues.has(Number(modulus % prime)))
}

/** The two numbers of a public RSA key, big-endian and not negative. */
export interface RsaNumbers {
  readonly modulus: Uint8Array
  readonly exponent: Uint8Array
}

/**
 * Refuses RSA keys that are not safe to trust, or not cheap to use.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — modulus even, under 2048 or over 8192 bits, exponent
 * even, under 3 or over 256 bits, leading zeros, or a ROCA key
 */
export function assertStrongRsa({ modulus, exponent }: RsaNumbers): void {
  // They would give one key two thumbprints.
  if (modulus[0] === 0 || exponent[0] === 0) throw refused('a number with leading zeros')
  const bits = bitLength(modulus)
  if (bits < MIN_MODULUS_BITS) throw refused(`${bits} bits, at least 2048 are needed`)
  if (bits > MAX_MODULUS_BITS) throw refused(`${bits} bits, at most 8192 are allowed`)
  const exponentBits = bitLength(exponent)
  if (exponentBits > MAX_EXPONENT_BITS) {
    throw refused(`its public exponent has ${exponentBits} bits, at most 256 are allowed`)
  }
  if (exponentBits < 2 || !isOdd(exponent))
    throw refused('its public exponent is not odd, 3 or more')
  if (!isOdd(modulus)) throw refused('its modulus is even')
  if (isRoca(BigInt(`0x${Buffer.from(modulus).toString('hex')}`))) {
    throw refused('it was made by a broken generator (CVE-2017-15361)')
  }
}

/** Of a number without leading zeros. */
function bitLength(number: Uint8Array): number {
  return number.length * 8 - (Math.clz32(number[0] ?? 0) - 24)
}

function isOdd(number: Uint8Array): boolean {
  return ((number.at(-1) ?? 0) & 1) === 1
}

function refused(why: string): CountersignError {
  return new CountersignError('ERR_KEY_INVALID', `RSA key refused: ${why}`, {
    hint: 'use an RSA key of 3072 bits with exponent 65537, or ES256',
  })
}
