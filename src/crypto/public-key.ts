/**
 * Public keys: read from SPKI (RFC 5280 section 4.1.2.7), PEM (RFC 7468) and JWK (RFC 7517), checked,
 * and bound to one algorithm. Whatever the source, the key is rebuilt from its numbers and the
 * source must equal the one canonical encoding: explicit curve parameters, compressed points and
 * trailing bytes never get in.
 *
 * @packageDocumentation
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { CountersignError } from '../errors.ts'
import {
  type Algorithm,
  type AlgorithmName,
  isSameAlgorithm,
  resolveAlgorithm,
  isRsaAlgorithm,
  type RsaAlgorithm,
} from './algorithms.ts'
import { decodeBase64Url, encodeBase64, encodeBase64Url } from './base64.ts'
import { hashBytes } from './digest.ts'
import { assertSoundEd25519 } from './ed25519-strength.ts'
import { decodePemBlock, findPemBlocks } from './pem.ts'
import { assertStrongRsa } from './rsa-strength.ts'
import { type KeyNumbers, readRsaNumbers, readSpki } from './spki.ts'

/** A public key bound to one algorithm, with the names others know it by. */
export interface PublicKeyInfo {
  readonly algorithm: Algorithm
  readonly keyObject: KeyObject
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  /** RFC 7638 SHA-256 thumbprint, base64url. */
  readonly kid: string
  /** base64(sha256(SPKI)): how a Sigstore bundle points to the key. */
  readonly hint: string
  /** Bytes of a signature by the key, ECDSA in P1363. */
  readonly signatureBytes: number
}

/** A public JWK (RFC 7517 section 4) with the members countersign writes. */
export interface PublicJwk {
  readonly kty: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
  readonly alg: AlgorithmName
  readonly use: 'sig'
  readonly kid: string
}

/** Members that make up a key of each type, in RFC 7638 section 3.2 order (lexicographic). */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** The default algorithm of a key, by curve, or by key type for RSA. */
const DEFAULT_ALGORITHM: Readonly<Record<string, AlgorithmName>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
  RSA: 'RS256',
}

const MAX_PEM_CHARACTERS = 16_384

function invalid(message: string, hint?: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_KEY_INVALID', message, { hint, cause })
}

/**
 * Reads a DER SubjectPublicKeyInfo. Without `algorithm`, the key's usual one is pinned: ES256, ES384
 * or ES512 by curve, RS256 for RSA, EdDSA for Ed25519.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — not a canonical, supported, strong enough key;
 * ERR_ALGORITHM_UNSUPPORTED — `algorithm` is unknown
 *
 * @example
 * ```ts
 * import { parsePublicKeySpki } from 'countersign/verify'
 * import { createPublicKey } from 'node:crypto'
 * import { readFile } from 'node:fs/promises'
 *
 * const pem = createPublicKey(await readFile('release.pub'))
 * const key = parsePublicKeySpki(pem.export({ type: 'spki', format: 'der' }))
 * console.log(key.algorithm.name) // ES256
 * ```
 */
export function parsePublicKeySpki(spki: Uint8Array, algorithm?: string): PublicKeyInfo {
  const jwk = readSpki(spki)
  const pinned = judge(jwk, algorithm)
  const source = Buffer.from(spki)
  const key = attempt(() => createPublicKey({ key: source, format: 'der', type: 'spki' }))
  // What was read is the one encoding of its numbers, and writing it again takes as long as all the rest.
  return describe(pinned, jwk, key, source)
}

/**
 * Reads an RSAPublicKey in DER (PKCS#1, RFC 8017 appendix A.1.1), as some transparency logs publish theirs.
 *
 * @throws {@link CountersignError} as {@link parsePublicKeySpki}
 */
export function parsePublicKeyPkcs1(der: Uint8Array): PublicKeyInfo {
  return fromNumbers(readRsaNumbers(der))
}

/**
 * Reads one PEM block `PUBLIC KEY`; text around it is allowed, a second key is not.
 *
 * @throws {@link CountersignError} as {@link parsePublicKeySpki}
 *
 * @example
 * ```ts
 * import { parsePublicKeyPem } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const key = parsePublicKeyPem(await readFile('release.pub', 'utf8'))
 * console.log(key.algorithm.name, key.kid.length) // ES256 43
 * ```
 */
export function parsePublicKeyPem(pem: string, algorithm?: string): PublicKeyInfo {
  if (pem.length > MAX_PEM_CHARACTERS) throw invalid('the PEM text is over 16 KiB')
  const blocks = findPemBlocks(pem)
  const [block] = blocks
  if (block === undefined || blocks.length !== 1) {
    throw invalid(`expected one PEM block, found ${blocks.length}`)
  }
  if (block.label !== 'PUBLIC KEY') {
    throw invalid(`expected a PEM block PUBLIC KEY, found ${block.label}`)
  }
  const der = decodePemBlock(block)
  if (der === undefined) throw invalid('the PEM block is not base64')
  return parsePublicKeySpki(der, algorithm)
}

/**
 * Reads a public JWK. `use` and `key_ops`, where present, must allow verifying; `alg`, where
 * present, pins the algorithm; a private member is refused.
 *
 * @throws {@link CountersignError} as {@link parsePublicKeySpki}
 *
 * @example
 * ```ts
 * import { parsePublicKeyJwk } from 'countersign/verify'
 *
 * const key = parsePublicKeyJwk({
 *   kty: 'OKP',
 *   crv: 'Ed25519',
 *   x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
 * })
 * console.log(key.kid) // kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
 * ```
 */
export function parsePublicKeyJwk(
  jwk: Readonly<Record<string, unknown>>,
  algorithm?: string,
): PublicKeyInfo {
  const kty = typeof jwk['kty'] === 'string' ? jwk['kty'] : ''
  const members = Object.hasOwn(REQUIRED, kty) ? REQUIRED[kty] : undefined
  if (members === undefined) throw invalid(`a JWK of type "${kty}" can't verify signatures`)
  assertJwkPurpose(jwk)
  const numbers = Object.fromEntries(members.map((name) => [name, jwkText(jwk, name)]))
  const alg = jwk['alg'] === undefined ? undefined : jwkText(jwk, 'alg')
  if (alg !== undefined && algorithm !== undefined && !isSameAlgorithm(alg, algorithm)) {
    throw invalid(`the JWK is for ${alg}, not for ${algorithm}`)
  }
  return fromNumbers(numbers, algorithm ?? alg)
}

function jwkText(jwk: Readonly<Record<string, unknown>>, name: string): string {
  const value = jwk[name]
  if (typeof value !== 'string') throw invalid(`the JWK member "${name}" is missing or not a text`)
  if (['x', 'y', 'n', 'e'].includes(name) && decodeBase64Url(value) === undefined) {
    throw invalid(`the JWK member "${name}" is not canonical base64url`)
  }
  return value
}

function assertJwkPurpose(jwk: Readonly<Record<string, unknown>>): void {
  if (['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].some((name) => jwk[name] !== undefined)) {
    throw invalid('the JWK holds a private key', 'publish only its public members')
  }
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig')
    throw invalid('the JWK is not for signatures')
  const operations = jwk['key_ops']
  if (operations === undefined) return
  if (!Array.isArray(operations) || !operations.includes('verify')) {
    throw invalid('the JWK "key_ops" does not allow "verify"')
  }
  // RFC 7517 section 4.3 forbids it, and jose would not find the key.
  if (new Set(operations).size !== operations.length) {
    throw invalid('the JWK "key_ops" names an operation twice')
  }
}

function attempt(read: () => KeyObject): KeyObject {
  try {
    return read()
  } catch (cause) {
    throw invalid('not a public key that can be read', undefined, cause)
  }
}

/** Binds a public KeyObject to an algorithm; providers use it for keys they read themselves. */
export function fromKeyObject(key: KeyObject, algorithm?: string): PublicKeyInfo {
  return fromNumbers(canonicalJwk(key), algorithm)
}

/** Makes a key of its numbers, which are judged before node sees them. */
function fromNumbers(jwk: KeyNumbers, algorithm?: string): PublicKeyInfo {
  const pinned = judge(jwk, algorithm)
  const key = attempt(() => createPublicKey({ key: jwk, format: 'jwk' }))
  return describe(pinned, jwk, key, key.export({ type: 'spki', format: 'der' }))
}

/** The algorithm of a key, whose numbers fit it and may be trusted. */
function judge(jwk: KeyNumbers, algorithmName: string | undefined): Algorithm {
  const algorithm = resolveAlgorithm(algorithmName ?? usualAlgorithm(jwk))
  assertFits(algorithm, jwk)
  assertSound(algorithm, jwk)
  return algorithm
}

function describe(
  algorithm: Algorithm,
  jwk: KeyNumbers,
  keyObject: KeyObject,
  spki: Uint8Array,
): PublicKeyInfo {
  const hint = encodeBase64(hashBytes('sha256', spki))
  const kid = thumbprint(jwk)
  const signatureBytes = sizeOf(algorithm, jwk)
  return Object.freeze({ algorithm, keyObject, spki, kid, hint, signatureBytes })
}

/** Of EC points only the size: OpenSSL makes a key of a point on the curve alone. */
function assertSound(algorithm: Algorithm, { n = '', e = '', x = '', y = '' }: KeyNumbers): void {
  switch (algorithm.family) {
    case 'ecdsa': {
      const size = algorithm.curve.coordinateBytes
      if (bytesOf(x).length === size && bytesOf(y).length === size) return
      throw invalid(`a coordinate is not ${size} bytes long`)
    }
    case 'ed25519':
      assertSoundEd25519(bytesOf(x))
      return
    case 'rsa-pkcs1':
    case 'rsa-pss':
      assertStrongRsa({ modulus: bytesOf(n), exponent: bytesOf(e) })
  }
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'base64url')
}

function canonicalJwk(key: KeyObject): KeyNumbers {
  try {
    const jwk = key.export({ format: 'jwk' }) as Record<string, string>
    const members = REQUIRED[jwk['kty'] ?? ''] ?? []
    return Object.fromEntries(members.map((name) => [name, jwk[name] ?? '']))
  } catch (cause) {
    const kind = key.asymmetricKeyType ?? key.type
    throw invalid(`keys of type "${kind}" or with this curve are not supported`, undefined, cause)
  }
}

function usualAlgorithm(jwk: KeyNumbers): string {
  const name = jwk['crv'] ?? jwk['kty'] ?? ''
  const usual = Object.hasOwn(DEFAULT_ALGORITHM, name) ? DEFAULT_ALGORITHM[name] : undefined
  if (usual === undefined) throw invalid(`the curve or key type "${name}" is not supported`)
  return usual
}

function assertFits(algorithm: Algorithm, jwk: KeyNumbers): void {
  const needed =
    algorithm.family === 'ecdsa'
      ? algorithm.curve.name
      : algorithm.family === 'ed25519'
        ? 'Ed25519'
        : 'RSA'
  const actual = jwk['crv'] ?? jwk['kty'] ?? ''
  if (needed !== actual) {
    throw invalid(`${algorithm.name} needs a ${needed} key, this one is ${actual}`)
  }
}

function sizeOf(algorithm: Algorithm, { n = '' }: KeyNumbers): number {
  if (algorithm.family === 'ecdsa') return 2 * algorithm.curve.coordinateBytes
  if (algorithm.family === 'ed25519') return 64
  return bytesOf(n).length
}

/** RFC 7638 section 3: SHA-256 over the required members in lexicographic order, without blanks. */
function thumbprint(jwk: KeyNumbers): string {
  const members = REQUIRED[jwk['kty'] ?? ''] ?? []
  const text = JSON.stringify(Object.fromEntries(members.map((name) => [name, jwk[name]])))
  return encodeBase64Url(hashBytes('sha256', Buffer.from(text)))
}

/** Binds an RSA key to another algorithm; its numbers, and all that follows from them, are the same. */
export function rebindRsaKey(key: PublicKeyInfo, algorithm: RsaAlgorithm): PublicKeyInfo {
  if (!isRsaAlgorithm(key.algorithm)) throw invalid(`${algorithm.name} needs an RSA key`)
  return Object.freeze({ ...key, algorithm })
}

/**
 * Writes a key as PEM `PUBLIC KEY`, with a final newline.
 *
 * @example
 * ```ts
 * import { parseJwks, serializePublicKeyPem } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const [first] = parseJwks(await readFile('jwks.json')).keys
 * if (first !== undefined) console.log(serializePublicKeyPem(first.key).split('\n')[0]) // -----BEGIN PUBLIC KEY-----
 * ```
 */
export function serializePublicKeyPem(key: PublicKeyInfo): string {
  return key.keyObject.export({ type: 'spki', format: 'pem' }) as string
}

/**
 * Writes a key as a public JWK with `alg`, `use` and `kid` (RFC 7517 section 4).
 *
 * @example
 * ```ts
 * import { parsePublicKeyPem, serializePublicKeyJwk } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const key = parsePublicKeyPem(await readFile('release.pub', 'utf8'))
 * console.log(serializePublicKeyJwk(key).alg) // ES256
 * ```
 */
export function serializePublicKeyJwk(key: PublicKeyInfo): PublicJwk {
  const members = canonicalJwk(key.keyObject) as { kty: string }
  return { ...members, alg: key.algorithm.name, use: 'sig', kid: key.kid }
}

/** A short name of the key's kind for people: `EC P-256`, `RSA 3072`, `Ed25519`. */
export function describeKeyKind(key: PublicKeyInfo): string {
  const { algorithm, keyObject } = key
  if (algorithm.family === 'ecdsa') return `EC ${algorithm.curve.name}`
  if (algorithm.family === 'ed25519') return 'Ed25519'
  return `RSA ${keyObject.asymmetricKeyDetails?.modulusLength ?? 0}`
}
