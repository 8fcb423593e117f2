/**
 * What a countersign service publishes about its keys (`/trust/keys.json`), verified by its trust key,
 * which was pinned once, and kept on disk for use offline.
 *
 * The trust key is rotated like every other. A history that a trusted version signed names the versions
 * that may sign the next ones, the standby among them, and those are trusted from then on. So a client
 * follows every rotation if it looks in at least once while a version is active. One that has slept
 * through a whole period knows neither signer any more and must pin the trust key anew; nobody else could
 * vouch for the new one.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { parsePublicKeySpki, type PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { type JsonObject, readObject } from '../formats/json.ts'
import { type KeyHistory, parseKeyHistory } from '../keys/key-history.ts'
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
  /** The trust key that was pinned; what is learnt later is in the copy. */
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
}

const MAX_HISTORY_BYTES = 8 * 1024 * 1024
/** A laptop that was closed for a week still verifies; older news of revocations are no news. */
const BOUNDS: Partial<CacheBounds> = { maxStaleSeconds: 7 * 24 * 60 * 60 }

/** The keys that may sign the publication after this one. */
function nextSigners({ history, signers }: Trust): readonly PublicKeyInfo[] {
  return history.trustKeys ?? signers
}

/**
 * Keeps the publication of a service. Beside what {@link CachedDocument} throws: ERR_TRUST_ROLLED_BACK —
 * an older one than was seen before; ERR_SIGNATURE_INVALID — no trusted version of the trust key signed
 * it; ERR_TRUST_INVALID, ERR_JSON_INVALID — malformed.
 */
export function createTrustCache(options: TrustCacheOptions): CachedDocument<Trust> {
  const url = publicationUrl(options.service)
  return new CachedDocument<Trust>({
    ...options,
    url,
    bounds: { ...BOUNDS, ...options.bounds },
    maxBytes: MAX_HISTORY_BYTES,
    accept: (body, previous) => {
      const signers = previous === undefined ? [options.trustKey] : nextSigners(previous)
      const history = verifyHistory(body, signers, url)
      assertNotRolledBack(url, previous?.history.sequence, history.sequence)
      return { history, signers }
    },
    restore: (body, context) => {
      const signers = readSigners(context)
      return { history: parseKeyHistory(body, ...signers), signers }
    },
    contextOf: ({ signers }) => ({ signers: signers.map(toJson) }),
  })
}

/** Address of a service's publication. */
export function publicationUrl(service: URL): URL {
  return atService(service, 'trust/keys.json')
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
        hint: 'if the trust key was rotated while this machine did not look, ask the operator for its fingerprint and pin it anew: countersign trust init URL --fingerprint …',
        cause,
      },
    )
  }
}

function toJson({ kid, algorithm, spki }: PublicKeyInfo): JsonObject {
  return { kid, algorithm: algorithm.name, spki: encodeBase64(spki) }
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_TRUST_INVALID', `malformed copy of trust: ${why}`)
}

function readSigners(context: JsonObject): readonly PublicKeyInfo[] {
  const signers = readObject(context, malformed, 'it').objects('signers')
  if (signers.length === 0) throw malformed('it has no signers')
  return signers.map((entry) => {
    const spki = decodeBase64(entry.text('spki'))
    if (spki === undefined) throw malformed('a key that is none')
    return parsePublicKeySpki(spki, entry.text('algorithm'))
  })
}
