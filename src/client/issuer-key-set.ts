/**
 * A key resolver for jose, over the keys of an issuer as {@link createJwksCache} keeps them.
 *
 * @packageDocumentation
 */
import {
  type CryptoKey,
  errors,
  type FlattenedJWSInput,
  importJWK,
  type JWSHeaderParameters,
} from 'jose'
import { assertMembers } from '../basics/arguments.ts'
import type { AlgorithmName } from '../crypto/algorithms.ts'
import { type PublicKeyInfo, serializePublicKeyJwk } from '../crypto/public-key.ts'
import { isKeyNamed, type KeyName } from '../formats/jwks.ts'
import { createBoundedGet } from './bounded-get.ts'
import { createDocumentFile } from './document-file.ts'
import { createJwksCache } from './jwks-cache.ts'
import { type ProxyVariables, readProxies } from './proxies.ts'

/** How the keys of an issuer are kept. */
export interface IssuerKeySetOptions {
  /**
   * File that a copy of the set is kept in, for its owner alone; default: none. With it a process starts while
   * the issuer does not answer, and remembers the highest `sequence`.
   */
  readonly cacheFile?: string | undefined
  /** How long keys serve on after their time while the issuer does not answer; default 3600, at most a day. */
  readonly maxStaleSeconds?: number | undefined
  /** Algorithms that RSA keys without `alg` count for; default RS256. */
  readonly algorithms?: readonly AlgorithmName[] | undefined
  /** PEM of certificate authorities to trust instead of the system's. */
  readonly ca?: string | undefined
  /** Names the proxies, as `process.env` does; default: none are used. */
  readonly env?: ProxyVariables | undefined
  /** Default: the machine's clock. */
  readonly now?: (() => Date) | undefined
}

/** Finds the key of a token: what jose takes in place of a key. */
export interface IssuerKeySet {
  (header?: JWSHeaderParameters, token?: FlattenedJWSInput): Promise<CryptoKey>
  /**
   * Fetches the keys now: at the start of a service, to find a wrong address before the first token.
   *
   * @throws {@link CountersignError} ERR_NETWORK, ERR_TIMEOUT, ERR_TRUST_INVALID, ERR_TRUST_ROLLED_BACK; ERR_FILE_WRITE — the
   * copy cannot be kept
   */
  reload(): Promise<void>
}

const MOST_STALE_SECONDS = 24 * 60 * 60

/**
 * Creates a key resolver for `jwtVerify`, `jwsVerify` and their like over the JWKS of a countersign service, or of
 * any issuer. It fetches the set when `max-age` or the set's own `refreshHintSeconds` is over, once for all callers,
 * and for unknown keys at most every 30 seconds. A set whose `sequence` goes back is refused. While the issuer does
 * not answer, its keys serve on for a bounded time.
 *
 * The resolver rejects with `JWKSNoMatchingKey` and `JWKSMultipleMatchingKeys` of jose, so callers handle these as
 * they do with `createRemoteJWKSet`; and with a {@link CountersignError} where the keys cannot be had:
 * ERR_NETWORK, ERR_TIMEOUT, ERR_TRUST_STALE, ERR_TRUST_ROLLED_BACK, ERR_TRUST_INVALID. That is an outage, for which
 * no token can be blamed.
 *
 * @throws TypeError — wrong arguments
 *
 * @example
 * ```ts
 * import { createIssuerKeySet } from '@countersign/jose'
 * import { jwtVerify } from 'jose'
 * import { readFile } from 'node:fs/promises'
 *
 * const keys = createIssuerKeySet('https://sign.example.com/.well-known/jwks.json', {
 *   cacheFile: 'issuer-keys.json',
 * })
 * const { payload } = await jwtVerify(await readFile('session.jwt', 'utf8'), keys, {
 *   issuer: 'https://sign.example.com',
 *   audience: 'api',
 * })
 * console.log(payload.aud) // api
 * ```
 */
export function createIssuerKeySet(
  url: string | URL,
  options: IssuerKeySetOptions = {},
): IssuerKeySet {
  const address = URL.parse(String(url))
  if (address === null) throw new TypeError('the argument url must be the address of a key set')
  const cache = createJwksCache({ url: address, ...readOptions(options) })
  const imports = new WeakMap<PublicKeyInfo, Promise<CryptoKey>>()

  function toCryptoKey(key: PublicKeyInfo): Promise<CryptoKey> {
    const known = imports.get(key) ?? importPublicKey(key)
    imports.set(key, known)
    return known
  }

  async function find(header: JWSHeaderParameters = {}): Promise<CryptoKey> {
    const name: KeyName = { kid: header.kid, alg: header.alg }
    const keys = await cache.keysFor(name.kid, name.alg)
    const [first, ...others] = keys.filter((key) => isKeyNamed(key, name)).map(({ key }) => key)
    if (first === undefined) throw new errors.JWKSNoMatchingKey()
    if (others.length > 0) throw severalKeys([first, ...others].map(toCryptoKey))
    return toCryptoKey(first)
  }

  return Object.assign(find, {
    reload: async () => {
      await cache.refresh()
    },
  })
}

function readOptions(
  options: IssuerKeySetOptions,
): Omit<Parameters<typeof createJwksCache>[0], 'url'> {
  assertMembers('options', options, {
    cacheFile: 'text?',
    maxStaleSeconds: 'number?',
    algorithms: 'texts?',
    ca: 'text?',
    env: 'object?',
    now: 'function?',
  })
  const { cacheFile, maxStaleSeconds = 3600, algorithms, ca, env = {} } = options
  if (!(maxStaleSeconds >= 0 && maxStaleSeconds <= MOST_STALE_SECONDS)) {
    throw new TypeError(`the option maxStaleSeconds must be from 0 to ${MOST_STALE_SECONDS}`)
  }
  return {
    // The address is the caller's own choice, so it may be inside their network.
    get: createBoundedGet({ allowPrivateAddresses: true, ca, proxies: readProxies(env) }),
    now: options.now ?? (() => new Date()),
    random: Math.random,
    algorithms,
    copy: cacheFile === undefined ? undefined : createDocumentFile(cacheFile),
    bounds: { maxStaleSeconds },
  }
}

async function importPublicKey(key: PublicKeyInfo): Promise<CryptoKey> {
  const imported = await importJWK({ ...serializePublicKeyJwk(key) }, key.algorithm.name)
  if (imported instanceof Uint8Array) throw new TypeError('expected a public key, got a secret')
  return imported
}

/** As jose does it: the error gives the keys, for callers who try each. */
function severalKeys(keys: readonly Promise<CryptoKey>[]): Error {
  return Object.assign(new errors.JWKSMultipleMatchingKeys(), {
    [Symbol.asyncIterator]: async function* () {
      for (const key of keys) yield await key
    },
  })
}
