/**
 * JSON Web Key Sets (RFC 7517 section 5), as issuers publish them.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import { parsePublicKeyJwk, type PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { type JsonObject, parseJson, readObject } from './json.ts'

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
}

/** How a set is read. */
export interface KeySetOptions {
  /** Pinned to RSA keys that do not say their `alg`; default RS256. */
  readonly rsaAlgorithm?: AlgorithmName | undefined
}

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
      keys.push(readKey(entry.json, options))
    } catch (error) {
      if (!CountersignError.is(error)) throw error
      skipped.push({ index, reason: error.message })
    }
  }
  const sequence = set.value('sequence')
  return { keys, skipped, sequence: Number.isSafeInteger(sequence) ? Number(sequence) : undefined }
}

function readKey(jwk: JsonObject, { rsaAlgorithm }: KeySetOptions): NamedPublicKey {
  const pinned = jwk['kty'] === 'RSA' && !Object.hasOwn(jwk, 'alg') ? rsaAlgorithm : undefined
  const key = parsePublicKeyJwk(jwk, pinned)
  const kid = Object.hasOwn(jwk, 'kid') ? jwk['kid'] : key.kid
  if (typeof kid === 'string' && kid.length <= MAX_KID_CHARACTERS) return { kid, key }
  throw malformed('a kid that is none')
}
