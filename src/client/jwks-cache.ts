/**
 * Keys for tokens, from the JWKS of an issuer: kept as long as its headers say, and looked at again when
 * a token names a key that is not in it.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import { CountersignError } from '../errors.ts'
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
  /** Called with every fetch that failed, also where the keys at hand serve on. */
  readonly onFailure?: ((error: unknown) => void) | undefined
}

/** The keys of one issuer. */
export interface JwksCache {
  /**
   * The keys to verify a token with; where none has the token's `kid` and `alg`, after they were fetched
   * again. A `kid` can be made up, so such fetches are at least 30 s apart.
   *
   * @throws {@link CountersignError} ERR_TRUST_ROLLED_BACK — an older set than the one seen before;
   * ERR_TRUST_STALE, ERR_NETWORK, ERR_TIMEOUT; ERR_TRUST_INVALID, ERR_JSON_INVALID — no key set. Each of them
   * also where the keys at hand serve on and the one asked for is not among them: it may be new.
   */
  keysFor(kid: string | undefined, alg?: string): Promise<readonly NamedPublicKey[]>
  /** As {@link JwksCache.keysFor}, with all the set says. */
  setFor(kid: string | undefined, alg?: string): Promise<KeySet>
  /** Fetches the set now. Throws as {@link JwksCache.keysFor} does. */
  refresh(): Promise<KeySet>
}

/**
 * The rules for keys of issuers: those of a service of ours for its clients, and those of callers for the
 * service itself.
 */
const BOUNDS: Partial<CacheBounds> = {
  mostFreshSeconds: 60 * 60,
  usualFreshSeconds: 5 * 60,
  failureCooldownSeconds: 5,
}
const MEDIA_TYPES = ['application/jwk-set+json', 'application/json']
const MAX_SET_BYTES = 512 * 1024

/**
 * Keeps the JWKS of an issuer.
 *
 * @example
 * ```ts
 * import { createBoundedGet, createJwksCache, parseJwt, verifyToken } from 'countersign'
 * import { readFile } from 'node:fs/promises'
 *
 * const token = await readFile('session.jwt', 'utf8')
 * const cache = createJwksCache({
 *   url: new URL('https://sign.example.com/.well-known/jwks.json'),
 *   get: createBoundedGet({ allowPrivateAddresses: true }),
 *   now: () => new Date(),
 *   random: Math.random,
 * })
 * const keys = await cache.keysFor(parseJwt(token).header.kid)
 * const policy = { issuer: 'https://sign.example.com', audience: 'api', type: 'JWT' }
 * console.log(verifyToken(token, { keys, policy, now: new Date() }).claims['aud']) // api
 * ```
 */
export function createJwksCache(options: JwksCacheOptions): JwksCache {
  const { url, algorithms } = options
  const document = new CachedDocument<KeySet>({
    ...options,
    bounds: { ...BOUNDS, ...options.bounds },
    mediaTypes: MEDIA_TYPES,
    maxBytes: MAX_SET_BYTES,
    accept: (body, previous) => {
      const set = parseJwks(body, { algorithms })
      assertNotRolledBack(url, previous?.sequence, set.sequence)
      return set
    },
    restore: (body, context) => {
      if (context['url'] !== url.href) throw copyOfAnother(url)
      return parseJwks(body, { algorithms })
    },
    contextOf: () => ({ url: url.href }),
    maxAgeOf: ({ refreshHintSeconds }) => refreshHintSeconds,
    // A set that is garbled is an outage like another; one that is older may be an attack, and is reported.
    isPassing: ({ code }) => code !== 'ERR_TRUST_ROLLED_BACK',
  })
  const setFor = async (kid: string | undefined, alg?: string): Promise<KeySet> => {
    const set = await document.current()
    const name: KeyName = { kid, alg }
    if (kid === undefined || isKnown(set, name)) return set
    const newest = await document.newest()
    if (document.failure === undefined || isKnown(newest, name)) return newest
    throw document.failure
  }
  return {
    setFor,
    keysFor: async (kid, alg) => (await setFor(kid, alg)).keys,
    refresh: () => document.refresh(),
  }
}

/** One file for two issuers would let either sign for the other. */
function copyOfAnother({ href }: URL): CountersignError {
  return new CountersignError('ERR_TRUST_INVALID', `it is not a copy of ${href}`)
}

function isKnown({ keys }: KeySet, name: KeyName): boolean {
  return keys.some((key) => isKeyNamed(key, name))
}
