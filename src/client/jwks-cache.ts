/**
 * Keys for tokens, from the JWKS of an issuer: kept as long as its headers say, and looked at again when
 * a token names a key that is not in it.
 *
 * @packageDocumentation
 */
import { type KeySet, type NamedPublicKey, parseJwks } from '../formats/jwks.ts'
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
  /** Kept between runs, for use offline. */
  readonly copy?: DocumentCopy | undefined
  readonly bounds?: Partial<CacheBounds> | undefined
}

/** The keys of one issuer. */
export interface JwksCache {
  /**
   * The keys to verify a token with; where none has the token's `kid`, after one more look at the issuer.
   * Anybody can make up a `kid`, so such looks are at least 30 s apart.
   *
   * @throws {@link CountersignError} ERR_TRUST_ROLLED_BACK — an older set than the one seen before;
   * ERR_TRUST_STALE, ERR_NETWORK, ERR_TIMEOUT; ERR_TRUST_INVALID, ERR_JSON_INVALID — no key set
   */
  keysFor(kid: string | undefined): Promise<readonly NamedPublicKey[]>
}

const MEDIA_TYPES = ['application/jwk-set+json', 'application/json']
const MAX_SET_BYTES = 512 * 1024

/** Keeps the JWKS of an issuer. */
export function createJwksCache(options: JwksCacheOptions): JwksCache {
  const { url } = options
  const document = new CachedDocument<KeySet>({
    ...options,
    mediaTypes: MEDIA_TYPES,
    maxBytes: MAX_SET_BYTES,
    accept: (body, previous) => {
      const set = parseJwks(body)
      assertNotRolledBack(url, previous?.sequence, set.sequence)
      return set
    },
    restore: (body) => parseJwks(body),
    contextOf: () => ({}),
  })
  return {
    keysFor: async (kid) => {
      const { keys } = await document.current()
      if (kid === undefined || keys.some((key) => key.kid === kid)) return keys
      return (await document.newest()).keys
    },
  }
}
