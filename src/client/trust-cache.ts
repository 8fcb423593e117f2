/**
 * What a countersign service publishes about its keys (`/trust/keys.json`), verified by its trust key,
 * which was pinned once, and kept on disk for use offline.
 *
 * The trust key is rotated like every other. A history that a trusted version signed names the versions
 * that may sign the next ones, the standby among them, and those are trusted from then on. So a client
 * follows every rotation if it looks in at least once while a version is active. One that has slept
 * through a whole period knows neither signer any more and must pin the trust key again; no other key could
 * vouch for the new one.
 *
 * The copy on disk keeps one history for each change of those versions: together they lead from the pin to
 * the newest history, and all of them are verified whenever the copy is read. So a changed file is refused.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { type JsonObject, readObject } from '../formats/json.ts'
import { isSameContent, type KeyHistory, parseKeyHistory } from '../keys/key-history.ts'
import { assertPublicationCurrent } from '../keys/publication-times.ts'
import type { BoundedGet } from './bounded-get.ts'
import {
  assertNotRolledBack,
  type CacheBounds,
  CachedDocument,
  type DocumentCopy,
} from './cached-document.ts'
import { atService } from './service-address.ts'

/** Where trust comes from. */
export interface TrustCacheOptions {
  /** Address of the service. */
  readonly service: URL
  /** The trust key that was pinned; everything else follows from it. */
  readonly trustKey: PublicKeyInfo
  readonly get: BoundedGet
  readonly now: () => Date
  readonly random: () => number
  readonly copy?: DocumentCopy | undefined
  readonly bounds?: Partial<CacheBounds> | undefined
}

/** A verified publication. */
export interface Trust {
  readonly history: KeyHistory
  /** The versions of the trust key one of which signed it. */
  readonly signers: readonly PublicKeyInfo[]
  /** The publication as it was served. */
  readonly body: Uint8Array
  /** Earlier publications that lead from the pin to `signers`, the oldest first. */
  readonly links: readonly Uint8Array[]
}

const MAX_HISTORY_BYTES = 8 * 1024 * 1024
/** Over ten years of the usual rotations; beyond them the trust key is pinned again. */
const MAX_LINKS = 100
/** How long a publication counts is signed in it. */
const BOUNDS: Partial<CacheBounds> = { maxStaleSeconds: Infinity }

/** The keys that may sign the publication after this one. */
function nextSigners({ history, signers }: Trust): readonly PublicKeyInfo[] {
  return history.trustKeys ?? signers
}

/**
 * Keeps the publication of a service. Beside what {@link CachedDocument} throws: ERR_TRUST_EXPIRED — its time
 * is over, or the local clock is wrong; ERR_TRUST_ROLLED_BACK — an older one than was seen before;
 * ERR_TRUST_CONFLICT — another content under a sequence that was seen before; ERR_SIGNATURE_INVALID — no
 * trusted version of the trust key signed it; ERR_TRUST_INVALID, ERR_JSON_INVALID — malformed.
 *
 * @example
 * ```ts
 * import { createBoundedGet, createTrustCache, parsePublicKeyPem, trustKeyHistory, verifyFile } from 'countersign'
 * import { readFile } from 'node:fs/promises'
 *
 * const published = createTrustCache({
 *   service: new URL('https://sign.example.com'),
 *   trustKey: parsePublicKeyPem(await readFile('trust-key.pub', 'utf8')),
 *   get: createBoundedGet({ allowPrivateAddresses: true }),
 *   now: () => new Date(),
 *   random: Math.random,
 * })
 * const { history } = await published.current()
 * const trust = { keys: trustKeyHistory(history) }
 * const evidence = { logEntries: 0, times: 0 }
 * const verified = await verifyFile({ path: 'download/by-service.txt', trust, policy: { evidence } })
 * console.log(verified.ok) // true
 * ```
 */
export function createTrustCache(options: TrustCacheOptions): CachedDocument<Trust> {
  const url = publicationUrl(options.service)
  const assertUsable = ({ history }: Trust): void => {
    assertPublicationCurrent(history.times, {
      now: options.now(),
      source: 'online',
      place: url.href,
    })
  }
  return new CachedDocument<Trust>({
    ...options,
    url,
    bounds: { ...BOUNDS, ...options.bounds },
    maxBytes: MAX_HISTORY_BYTES,
    accept: (body, previous) => acceptNext(body, previous, options.trustKey, url),
    assertUsable,
    restore: (body, context) => followChain([...readLinks(context), body], options.trustKey, url),
    contextOf: ({ links }) => ({ links: links.map(encodeBase64) }),
  })
}

/** Address of a service's publication. */
export function publicationUrl(service: URL): URL {
  return atService(service, 'trust/keys.json')
}

/** Follows publications from the pin on; the last one is what is trusted. */
function followChain(chain: readonly Uint8Array[], pin: PublicKeyInfo, url: URL): Trust {
  const first = acceptNext(chain[0] ?? new Uint8Array(), undefined, pin, url)
  return chain.slice(1).reduce((trust, body) => acceptNext(body, trust, pin, url), first)
}

function acceptNext(
  body: Uint8Array,
  previous: Trust | undefined,
  pin: PublicKeyInfo,
  url: URL,
): Trust {
  const signers = previous === undefined ? [pin] : nextSigners(previous)
  const history = verifyHistory(body, signers, url)
  if (previous === undefined) return { history, signers, body, links: [] }
  assertNewer(history, previous.history, url)
  const areSame = isSameSet(signers, previous.signers)
  const links = areSame ? previous.links : [...previous.links, previous.body]
  if (links.length <= MAX_LINKS) return { history, signers, body, links }
  const message = `the trust key of ${url.href} changed over ${MAX_LINKS} times since it was pinned`
  throw new CountersignError('ERR_TRUST_INVALID', message, {
    hint: 'pin the trust key again',
    reason: 'trust-key-changed-often',
  })
}

/** One number has one content, and of that the newest copy counts. */
function assertNewer(found: KeyHistory, seen: KeyHistory, url: URL): void {
  assertNotRolledBack(url, seen.sequence, found.sequence)
  if (found.sequence !== seen.sequence) return
  const [issuedAt, before] = [found.times?.issuedAt, seen.times?.issuedAt]
  if (issuedAt !== undefined && before !== undefined && issuedAt < before) {
    const message = `${url.href} answers with a copy issued at ${issuedAt.toISOString()}, and one of ${before.toISOString()} was seen before`
    throw new CountersignError('ERR_TRUST_ROLLED_BACK', message, {
      hint: 'a cache or an attacker between you and the service answers with an old copy; try another network, and tell the operator of the service',
      details: { url: url.href, seen: before.toISOString(), found: issuedAt.toISOString() },
    })
  }
  if (isSameContent(found, seen)) return
  throw new CountersignError(
    'ERR_TRUST_CONFLICT',
    `${url.href} answers with another content of sequence ${found.sequence} than was seen before`,
    {
      hint: 'keep both documents and tell the operator of the service: its trust key signed two histories under one number',
      details: { url: url.href, sequence: found.sequence },
    },
  )
}

function isSameSet(one: readonly PublicKeyInfo[], other: readonly PublicKeyInfo[]): boolean {
  const kids = new Set(one.map(({ kid }) => kid))
  return kids.size === other.length && other.every(({ kid }) => kids.has(kid))
}

function verifyHistory(body: Uint8Array, signers: readonly PublicKeyInfo[], url: URL): KeyHistory {
  try {
    return parseKeyHistory(body, ...signers)
  } catch (cause) {
    if (!CountersignError.is(cause, 'ERR_SIGNATURE_INVALID')) throw cause
    const kids = signers.map(({ kid }) => kid).join(', ')
    throw new CountersignError(
      'ERR_SIGNATURE_INVALID',
      `${url.href} is not signed by the trust key that is pinned (${kids})`,
      {
        hint: 'if the trust key was rotated while this machine did not look, ask the operator for its fingerprint and pin it again',
        reason: 'trust-key-not-pinned',
        cause,
      },
    )
  }
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_TRUST_INVALID', `malformed copy of trust: ${why}`)
}

function readLinks(context: JsonObject): readonly Uint8Array[] {
  const links = readObject(context, malformed, 'it').value('links')
  if (!Array.isArray(links) || links.length > MAX_LINKS) throw malformed('its links')
  return links.map((link) => {
    const body = typeof link === 'string' ? decodeBase64(link) : undefined
    if (body === undefined) throw malformed('a link is not base64')
    return body
  })
}
