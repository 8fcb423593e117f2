/**
 * The one table of signature algorithms. A name is resolved here once and the entry is passed down;
 * nothing below compares names. JOSE names: RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { HashName } from './digest.ts'

/** JOSE name of a signature algorithm countersign can make and check. */
export type AlgorithmName =
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'EdDSA'
  | 'Ed25519'

/** A NIST prime curve (FIPS 186-5): its JOSE and OpenSSL names and the bytes of one coordinate. */
export interface Curve {
  readonly name: 'P-256' | 'P-384' | 'P-521'
  readonly opensslName: 'prime256v1' | 'secp384r1' | 'secp521r1'
  readonly coordinateBytes: 32 | 48 | 66
}

/** ECDSA over a curve with its one hash. */
export interface EcdsaAlgorithm {
  readonly name: AlgorithmName
  readonly family: 'ecdsa'
  readonly hash: HashName
  readonly curve: Curve
}

/** RSA with PKCS#1 v1.5 or PSS padding; the PSS salt is always as long as the digest. */
export interface RsaAlgorithm {
  readonly name: AlgorithmName
  readonly family: 'rsa-pkcs1' | 'rsa-pss'
  readonly hash: HashName
}

/** Pure Ed25519 (RFC 8032): hashes the message itself, so it never takes a digest. */
export interface Ed25519Algorithm {
  readonly name: AlgorithmName
  readonly family: 'ed25519'
  readonly hash: undefined
}

/** One entry of the table; `family` determines its fields. */
export type Algorithm = EcdsaAlgorithm | RsaAlgorithm | Ed25519Algorithm

const P256: Curve = { name: 'P-256', opensslName: 'prime256v1', coordinateBytes: 32 }
const P384: Curve = { name: 'P-384', opensslName: 'secp384r1', coordinateBytes: 48 }
const P521: Curve = { name: 'P-521', opensslName: 'secp521r1', coordinateBytes: 66 }

function ecdsa(name: AlgorithmName, hash: HashName, curve: Curve): EcdsaAlgorithm {
  return { name, family: 'ecdsa', hash, curve }
}

function rsa(name: AlgorithmName, family: RsaAlgorithm['family'], hash: HashName): RsaAlgorithm {
  return { name, family, hash }
}

function ed25519(name: 'EdDSA' | 'Ed25519'): Ed25519Algorithm {
  return { name, family: 'ed25519', hash: undefined }
}

/**
 * Every algorithm, by JOSE name. Two names are of one: RFC 9864 deprecates `EdDSA`, which may mean other
 * curves elsewhere, for `Ed25519`. A key has the name it was configured with; either is accepted.
 */
export const ALGORITHMS: Readonly<Record<AlgorithmName, Algorithm>> = {
  ES256: ecdsa('ES256', 'sha256', P256),
  ES384: ecdsa('ES384', 'sha384', P384),
  ES512: ecdsa('ES512', 'sha512', P521),
  RS256: rsa('RS256', 'rsa-pkcs1', 'sha256'),
  RS384: rsa('RS384', 'rsa-pkcs1', 'sha384'),
  RS512: rsa('RS512', 'rsa-pkcs1', 'sha512'),
  PS256: rsa('PS256', 'rsa-pss', 'sha256'),
  PS384: rsa('PS384', 'rsa-pss', 'sha384'),
  PS512: rsa('PS512', 'rsa-pss', 'sha512'),
  EdDSA: ed25519('EdDSA'),
  Ed25519: ed25519('Ed25519'),
}

/**
 * The names of the table, in its order.
 *
 * @example
 * ```ts
 * import { ALGORITHM_NAMES } from 'countersign/verify'
 *
 * console.log(ALGORITHM_NAMES.includes('ES256')) // true
 * ```
 */
export const ALGORITHM_NAMES: readonly AlgorithmName[] = Object.values(ALGORITHMS).map(
  (algorithm) => algorithm.name,
)

/** Algorithms that every verifier in the field can check for artifacts (cosign, sigstore clients). */
export const INTEROPERABLE: ReadonlySet<AlgorithmName> = new Set(['ES256', 'RS256'])

/**
 * Whether a text names an algorithm of the table.
 *
 * @example
 * ```ts
 * import { isAlgorithmName } from 'countersign/verify'
 *
 * console.log(isAlgorithmName('none')) // false
 * ```
 */
export function isAlgorithmName(name: string): name is AlgorithmName {
  return Object.hasOwn(ALGORITHMS, name)
}

/** Whether an algorithm is one of RSA, of which one key can carry several. */
export function isRsaAlgorithm(algorithm: Algorithm): algorithm is RsaAlgorithm {
  return algorithm.family === 'rsa-pkcs1' || algorithm.family === 'rsa-pss'
}

/** Whether two names are of one algorithm of the table: equal, or both names of Ed25519. */
export function isSameAlgorithm(name: string, other: string): boolean {
  if (!isAlgorithmName(name) || !isAlgorithmName(other)) return false
  return name === other || [name, other].every((one) => ALGORITHMS[one].family === 'ed25519')
}

/**
 * Resolves a JOSE name to its entry.
 *
 * @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED — the name is not in the table
 */
export function resolveAlgorithm(name: string): Algorithm {
  if (isAlgorithmName(name)) return ALGORITHMS[name]
  throw new CountersignError('ERR_ALGORITHM_UNSUPPORTED', `unknown algorithm "${name}"`, {
    hint: `choose one of ${ALGORITHM_NAMES.join(', ')}`,
  })
}
