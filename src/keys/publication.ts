/**
 * What the world is shown of keys, as pure functions of versions, policy and time: the JWKS (RFC 7517)
 * and discovery document of token keys, and the key history of artifact and digest keys.
 *
 * @packageDocumentation
 */
import { ALGORITHM_NAMES } from '../crypto/algorithms.ts'
import { type PublicJwk, type PublicKeyInfo, serializePublicKeyJwk } from '../crypto/public-key.ts'
import { isServed, leavesJwksAt, signsUntil } from './deadlines.ts'
import type { Key, KeyUse, KeyVersion } from './key.ts'
import type { KeyHistory, PublishedVersion } from './key-history.ts'
import { createRotationPolicy } from './policy.ts'

/** Stands before the PEM of a digest key, for people whose tools know no use (RFC 7468 section 2). */
export const DIGEST_KEY_WARNING =
  'Warning: this key signs digests that callers make. A caller who may use it can make it sign a statement or a token too: accept nothing but signatures over files from it.'

/** All keys at one moment, with the number of their newest publication. */
export interface PublishedState {
  readonly sequence: number
  readonly keys: readonly Key[]
  readonly versions: readonly KeyVersion[]
}

/** A JWK set (RFC 7517 section 5) with the two members we add. */
export interface JwksDocument {
  readonly keys: readonly PublicJwk[]
  /** Strictly increases with every change of state: a reader that sees it go back is served an old set. */
  readonly sequence: number
  /** How often to fetch it. */
  readonly refreshHintSeconds: number
}

/** A JWKS with what serving it takes. */
export interface JwksPublication {
  readonly document: JwksDocument
  /** M: what `Cache-Control` may say. */
  readonly maxAgeSeconds: number
  /** When the set changes next, though no state does; undefined: not by itself. */
  readonly nextChangeAt: Date | undefined
}

interface KeyedVersion {
  readonly key: Key
  readonly version: KeyVersion
}

/**
 * The JWKS at a time: of every token key, what verifiers need now. One document has one `max-age`, so it
 * is the least of all keys: for each it must stay within the M that its activations wait for.
 */
export function publishJwks(state: PublishedState, now: Date): JwksPublication {
  const versions = versionsFor(state, 'token')
  const served = versions.filter(({ key, version }) => isServed(version, key, now))
  const ends = served.flatMap(({ key, version }) => leavesJwksAt(version, key) ?? [])
  const maxAgeSeconds = servedMaxAge(state.keys)
  return {
    document: {
      keys: served.map(({ version }) => serializePublicKeyJwk(version.publicKey)),
      sequence: state.sequence,
      refreshHintSeconds: maxAgeSeconds,
    },
    maxAgeSeconds,
    nextChangeAt: ends.toSorted((a, b) => a.getTime() - b.getTime())[0],
  }
}

/** Of keys that serve nothing yet too: a set cached now must not outlive the wait of their next version. */
function servedMaxAge(keys: readonly Key[]): number {
  const ages = keys.filter(({ use }) => use === 'token').map(({ policy }) => policy.maxAgeSeconds)
  return ages.length === 0 ? createRotationPolicy('token').maxAgeSeconds : Math.min(...ages)
}

/** Versions of the keys of some uses, by name and number: equal states make equal documents. */
function versionsFor(state: PublishedState, ...uses: readonly KeyUse[]): readonly KeyedVersion[] {
  const keys = new Map(
    state.keys.filter(({ use }) => uses.includes(use)).map((key): [string, Key] => [key.name, key]),
  )
  return state.versions
    .flatMap((version) => {
      const key = keys.get(version.key)
      return key === undefined ? [] : [{ key, version }]
    })
    .toSorted((a, b) => byName(a.key, b.key) || a.version.version - b.version.version)
}

function byName(a: Key, b: Key): number {
  return Number(a.name > b.name) - Number(a.name < b.name)
}

/**
 * The key history: every version of every artifact and digest key that was ever published, with the window in which
 * its signatures count, and the versions of the trust key that may sign the next history. It follows from
 * state alone and stays until the next change.
 */
export function publishKeyHistory(state: PublishedState): KeyHistory {
  const versions = versionsFor(state, 'artifact', 'digest')
    .filter(({ version }) => version.publishedAt !== undefined)
    .map(({ key, version }) => publishVersion(version, key))
  const trustKeys = versionsFor(state, 'trust')
    .filter(({ version }) => version.publishedAt !== undefined && isFuture(version))
    .map(({ version }) => version.publicKey)
  return { sequence: state.sequence, versions, ...(trustKeys.length > 0 && { trustKeys }) }
}

/** Every published version of the keys that sign the audit log; what a compromised one signed counts nothing. */
export function publishAuditKeys(state: PublishedState): readonly PublicKeyInfo[] {
  return versionsFor(state, 'audit')
    .map(({ version }) => version)
    .filter(
      ({ publishedAt, compromisedSince }) =>
        publishedAt !== undefined && compromisedSince === undefined,
    )
    .map(({ publicKey }) => publicKey)
}

/** Not retired ones: a thief of an old trust key would write histories. */
function isFuture({ state }: KeyVersion): boolean {
  return state === 'active' || state === 'pending'
}

function publishVersion(version: KeyVersion, key: Key): PublishedVersion {
  const { publicKey, compromisedSince } = version
  return {
    key: publicKey,
    name: key.name,
    version: version.version,
    use: key.use,
    origin: version.origin,
    // Destroyed after it was compromised, it must still be judged by when that was.
    state: compromisedSince === undefined ? version.state : 'revoked',
    validFor: windowOf(version, key),
    compromisedSince,
  }
}

function windowOf(version: KeyVersion, key: Key): PublishedVersion['validFor'] {
  const { activatedAt, origin, retiredAt, revokedAt } = version
  // What an imported key pair signed before it was imported counts.
  const isOpen = origin === 'external'
  // Ended before it ever signed here: a window that nothing fits in.
  if (activatedAt === undefined) {
    const ended = revokedAt ?? retiredAt
    return { start: isOpen ? undefined : ended, end: ended }
  }
  const closed = signsUntil(version, key)
  const isCut = revokedAt !== undefined && (closed === undefined || revokedAt < closed)
  return { start: isOpen ? undefined : activatedAt, end: isCut ? revokedAt : closed }
}

/** OpenID Provider metadata (OpenID Connect Discovery 1.0 section 3) of an issuer without a login. */
export interface DiscoveryDocument {
  readonly issuer: string
  readonly jwks_uri: string
  readonly response_types_supported: readonly string[]
  readonly subject_types_supported: readonly string[]
  readonly id_token_signing_alg_values_supported: readonly string[]
}

/**
 * The discovery document: where the JWKS is, and the algorithms of all token keys. Without any, those that one
 * may be made for: verifiers keep the document, and take an empty list for RS256 alone.
 */
export function publishDiscovery(issuer: string, keys: readonly Key[]): DiscoveryDocument {
  const tokenKeys = keys.filter(({ use }) => use === 'token')
  const algorithms = tokenKeys.map(({ algorithm }) => algorithm)
  return {
    issuer,
    // The issuer stays byte for byte as tokens say it; only the address is joined.
    jwks_uri: `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [
      ...new Set(algorithms.length > 0 ? algorithms : ALGORITHM_NAMES),
    ].toSorted(),
  }
}
