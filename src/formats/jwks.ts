/**
 * JSON Web Key Sets (RFC 7517 section 5), as issuers publish them.
 *
 * @packageDocumentation
 */
import {
  type AlgorithmName,
  ALGORITHMS,
  isRsaAlgorithm,
  isSameAlgorithm,
} from '../crypto/algorithms.ts'
import { parsePublicKeyJwk, type PublicKeyInfo, rebindRsaKey } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { type JsonObject, type JsonValue, parseJson, readObject } from './json.ts'

/** A key by the name that tokens call it. */
export interface NamedPublicKey {
  /** The JWK's own `kid`, which may be any text; its thumbprint where it has none. */
  readonly kid: string
  readonly key: PublicKeyInfo
}

/** A key of a set that can't verify our kind of signature, and why. */
export interface SkippedKey {
  /** Place in the set, from 0. */
  readonly index: number
  readonly reason: string
}

/** What a set holds. */
export interface KeySet {
  readonly keys: readonly NamedPublicKey[]
  readonly skipped: readonly SkippedKey[]
  /** Number of the publication, in sets of a countersign service. */
  readonly sequence: number | undefined
  /** After how many seconds it should be fetched again, in sets of a countersign service. */
  readonly refreshHintSeconds: number | undefined
}

/** The key that a token names: attacker-controlled, and only compared. */
export interface KeyName {
  /** Undefined: any. */
  readonly kid: string | undefined
  /** Undefined: any. */
  readonly alg?: string | undefined
}

/** Whether a key may be the one that a token names; names are not unique (RFC 7517 section 4.5). */
export function isKeyNamed({ kid, key }: NamedPublicKey, name: KeyName): boolean {
  const { alg = key.algorithm.name } = name
  return (name.kid === undefined || name.kid === kid) && isSameAlgorithm(alg, key.algorithm.name)
}

/** How a set is read. */
export interface KeySetOptions {
  /**
   * Algorithms that are accepted of this issuer; default RS256. An RSA key without `alg` (it is optional,
   * RFC 7517 section 4.4) counts for each RSA algorithm among them; the others change nothing.
   */
  readonly algorithms?: readonly AlgorithmName[] | undefined
}

const DEFAULT_ALGORITHMS: readonly AlgorithmName[] = ['RS256']
const MAX_SET_BYTES = 512 * 1024
const MAX_KEYS = 256
const MAX_KID_CHARACTERS = 512

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_TRUST_INVALID', `malformed key set: ${why}`, {
    hint: 'a key set (JWKS) is {"keys": […]}; issuers publish theirs at /.well-known/jwks.json or as their OIDC metadata say',
  })
}

/**
 * Parses a key set. A key that is unsuitable (encryption, symmetric, private, weak, unknown algorithm) is
 * skipped, since sets are shared by many purposes (RFC 7517 section 5).
 *
 * @throws {@link CountersignError} ERR_TRUST_INVALID — no key set, or over 256 keys; ERR_JSON_INVALID,
 * ERR_INPUT_TOO_LARGE — over 512 KiB
 *
 * @example
 * ```ts
 * import { parseJwks } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const { keys, refreshHintSeconds } = parseJwks(await readFile('jwks.json'))
 * console.log(keys[0]?.key.algorithm.name, refreshHintSeconds) // ES256 300
 * ```
 */
export function parseJwks(bytes: Uint8Array | string, options: KeySetOptions = {}): KeySet {
  const json = parseJson(bytes, { maxBytes: MAX_SET_BYTES })
  const set = readObject(json, malformed, 'it')
  const entries = set.objects('keys')
  if (entries.length > MAX_KEYS) throw malformed(`over ${MAX_KEYS} keys`)
  const keys: NamedPublicKey[] = []
  const skipped: SkippedKey[] = []
  for (const [index, entry] of entries.entries()) {
    try {
      keys.push(...readKeys(entry.json, options))
    } catch (error) {
      if (!CountersignError.is(error)) throw error
      skipped.push({ index, reason: error.message })
    }
  }
  const sequence = wholeNumber(set.value('sequence'))
  const hint = wholeNumber(set.value('refreshHintSeconds')) ?? 0
  return { keys, skipped, sequence, refreshHintSeconds: hint > 0 ? hint : undefined }
}

function wholeNumber(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
}

/** Makes a key of each algorithm that a JWK counts for; its own `alg`, where it has one, is the only one. */
function readKeys(jwk: JsonObject, options: KeySetOptions): readonly NamedPublicKey[] {
  const key = parsePublicKeyJwk(jwk)
  const kid = Object.hasOwn(jwk, 'kid') ? jwk['kid'] : key.kid
  if (typeof kid !== 'string' || kid.length > MAX_KID_CHARACTERS) {
    throw malformed('a kid that is not a short text')
  }
  const isOpen = isRsaAlgorithm(key.algorithm) && !Object.hasOwn(jwk, 'alg')
  return (isOpen ? bindOpenKey(key, options) : [key]).map((bound) => ({ kid, key: bound }))
}

function bindOpenKey(
  key: PublicKeyInfo,
  { algorithms = DEFAULT_ALGORITHMS }: KeySetOptions,
): readonly PublicKeyInfo[] {
  const rsa = [...new Set(algorithms)].map((name) => ALGORITHMS[name]).filter(isRsaAlgorithm)
  if (rsa.length > 0) return rsa.map((algorithm) => rebindRsaKey(key, algorithm))
  throw malformed('an RSA key without "alg", and no RSA algorithm is accepted')
}
