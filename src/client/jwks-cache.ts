/**
 * Keys for tokens, from the JWKS of an issuer: kept as long as its headers say, and looked at again when
 * a token names a key that is not in it.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import {
  isKeyNamed,
  type KeyName,
  type KeySet,
  type NamedPublicKey,
  parseJwks,
} from '../formats/jwks.ts'
import type { BoundedGet } from './bounded-get.ts'
import {
  assertNotRolledBack,
  type CacheBounds,
  CachedDocument,
  type DocumentCopy,
} from './cached-document.ts'

/** Where the keys come from. */
export interface JwksCacheOptions {
  readonly url: URL
  readonly get: BoundedGet
  readonly now: () => Date
  readonly random: () => number
  /** Algorithms that RSA keys without `alg` count for; default RS256. */
  readonly algorithms?: readonly AlgorithmName[] | undefined
  /** Kept between runs, for use offline. */
  readonly copy?: DocumentCopy | undefined
  readonly bounds?: Partial<CacheBounds> | undefined
}

/** The keys of one issuer. */
export interface JwksCache {
  /**
   * The keys to verify a token with; where none has the token's `kid` and `alg`, after they were fetched
   * again. A `kid` can be made up, so such fetches are at least 30 s apart.
   *
   * @throws {@link CountersignError} ERR_TRUST_ROLLED_BACK — an older set than the one seen before;
   * ERR_TRUST_STALE, ERR_NETWORK, ERR_TIMEOUT; ERR_TRUST_INVALID, ERR_JSON_INVALID — no key set
   */
  keysFor(kid: string | undefined, alg?: string): Promise<readonly NamedPublicKey[]>
  /** As {@link JwksCache.keysFor}, with all the set says. */
  setFor(kid: string | undefined, alg?: string): Promise<KeySet>
}

const MEDIA_TYPES = ['application/jwk-set+json', 'application/json']
const MAX_SET_BYTES = 512 * 1024

/** Keeps the JWKS of an issuer. */
export function createJwksCache(options: JwksCacheOptions): JwksCache {
  const { url, algorithms } = options
  const document = new CachedDocument<KeySet>({
    ...options,
    mediaTypes: MEDIA_TYPES,
    maxBytes: MAX_SET_BYTES,
    accept: (body, previous) => {
      const set = parseJwks(body, { algorithms })
      assertNotRolledBack(url, previous?.sequence, set.sequence)
      return set
    },
    restore: (body) => parseJwks(body, { algorithms }),
    contextOf: () => ({}),
  })
  const setFor = async (kid: string | undefined, alg?: string): Promise<KeySet> => {
    const set = await document.current()
    const name: KeyName = { kid, alg }
    if (kid === undefined || set.keys.some((key) => isKeyNamed(key, name))) return set
    return document.newest()
  }
  return { setFor, keysFor: async (kid, alg) => (await setFor(kid, alg)).keys }
}
