/** The artifact keys of a service, as it publishes them over its connection. */
import type { HashName } from '../crypto/digest.ts'
import { type KeyHistory, parseKeyHistory, type PublishedVersion } from '../keys/key-history.ts'
import { assertPublicationCurrent } from '../keys/publication-times.ts'
import { createChosenGet } from './bounded-get.ts'
import { type ProxyVariables, readProxies } from './proxies.ts'
import { publicationUrl } from './trust-cache.ts'
import { findTrustKey } from './trust-pin.ts'

/** The keys that a service publishes. */
export interface ServiceKeys {
  /** Whether the trust key of this user's choice has signed them. */
  readonly isPinned: boolean
  /**
   * Reads them, and again if a `kid` is not among those that sign or have signed.
   *
   * @throws {@link CountersignError} the errors of fetching and verifying what the service publishes
   */
  read(kid?: string): Promise<KeyHistory>
}

const MAX_PUBLICATION_BYTES = 8 * 1024 * 1024

/** What {@link publishedKeys} needs. */
export interface PublishedKeysOptions {
  readonly signal: AbortSignal
  readonly now: () => Date
  /** Names the proxies. */
  readonly env: ProxyVariables
}

/** Opens keys, trusting the server at the address; nothing is fetched yet. */
export function publishedKeys(
  service: URL,
  { signal, now, env }: PublishedKeysOptions,
): ServiceKeys {
  const get = createChosenGet(readProxies(env))
  const url = publicationUrl(service)
  let fetched: KeyHistory | undefined
  const fetchKeys = async (): Promise<KeyHistory> => {
    const { body } = await get({ url, maxBytes: MAX_PUBLICATION_BYTES, signal })
    const history = parseKeyHistory(body, findTrustKey(body))
    assertPublicationCurrent(history.times, { now: now(), source: 'online', place: url.href })
    return (fetched = history)
  }
  return {
    isPinned: false,
    read: async (kid) => (fetched && hasVersion(fetched, kid) ? fetched : fetchKeys()),
  }
}

/**
 * The hash by which a key of a service signs files: that of its algorithm where it signs digests as they are,
 * else SHA-256, which statements name. Undefined: its algorithm signs no digest.
 *
 * @param newest - newest version of the key, where one is published
 */
export function fileHashOf(newest: PublishedVersion | undefined): HashName | undefined {
  return newest?.use === 'digest' ? newest.key.algorithm.hash : 'sha256'
}

/**
 * Whether a history has the version with a `kid` as one that signs or has signed: one that was
 * pending when it was fetched can have been activated since. Where none is asked for, it has.
 */
export function hasVersion({ versions }: KeyHistory, kid: string | undefined): boolean {
  if (kid === undefined) return true
  return versions.some(({ key, state }) => key.kid === kid && state !== 'pending')
}
