/**
 * What a verifier trusts: public keys, alone or as versions with windows and states, and a Sigstore
 * trusted root for time-stamp authorities, logs and certificate authorities.
 *
 * @packageDocumentation
 */
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import type { HashName } from '../crypto/digest.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import type { KeyOrigin, KeyUse } from '../keys/key.ts'
import type { KeyHistory } from '../keys/key-history.ts'
import type { KeyState } from '../keys/state.ts'

/** A key that may have signed. A `pinned` key is trusted at all times, on the caller's word. */
export interface TrustedKey {
  readonly key: PublicKeyInfo
  readonly state: KeyState | 'pinned'
  /** Name of the key and number of the version, where a key history says so. */
  readonly version?: { readonly key: string; readonly number: number }
  /** What it signs, where a key history states it; anything else it signed does not count. */
  readonly use?: KeyUse | undefined
  /** Where the key pair comes from, where a key history says so. */
  readonly origin?: KeyOrigin | undefined
  readonly validFor?: { readonly start: Date | undefined; readonly end: Date | undefined }
  readonly compromisedSince?: Date | undefined
  /** Address of the service that alone signs with it, where a key history says so. */
  readonly issuer?: string | undefined
}

/** Everything a verification may rest on. */
export interface TrustMaterial {
  readonly keys: readonly TrustedKey[]
  readonly trustedRoot?: TrustedRoot | undefined
  /** Logs by keys that are revoked: their entries count only in bundles that a time stamp shows to be older. */
  readonly revokedLogs?: TrustedRoot['tlogs'] | undefined
}

/**
 * Trusts a public key at all times.
 *
 * @example
 * ```ts
 * import { parsePublicKeyPem, pinKey, verifyFile } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const keys = [pinKey(parsePublicKeyPem(await readFile('release.pub', 'utf8')))]
 * const { ok } = await verifyFile({ path: 'download/app.tar.gz', trust: { keys } })
 * console.log(ok) // true
 * ```
 */
export function pinKey(key: PublicKeyInfo): TrustedKey {
  return { key, state: 'pinned' }
}

/**
 * Trusts each version of a key history within its window and state. An imported key may also sign outside the
 * service, so it speaks for the service as little as any other key.
 *
 * @example
 * ```ts
 * import { parseKeyHistory, parsePublicKeyPem, trustKeyHistory, verifyFile } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const trustKey = parsePublicKeyPem(await readFile('trust-key.pub', 'utf8'))
 * const history = parseKeyHistory(await readFile('keys.json'), trustKey)
 * const trust = { keys: trustKeyHistory(history) }
 * const evidence = { logEntries: 0, times: 0 }
 * const { ok } = await verifyFile({ path: 'download/by-service.txt', trust, policy: { evidence } })
 * console.log(ok) // true
 * ```
 */
export function trustKeyHistory(history: KeyHistory): readonly TrustedKey[] {
  const { issuer, versions } = history
  return versions.map(({ key, name, version, use, origin, state, validFor, compromisedSince }) => ({
    key,
    state,
    version: { key: name, number: version },
    use,
    origin,
    validFor,
    compromisedSince,
    ...(issuer !== undefined && origin === 'generated' && { issuer }),
  }))
}

/** A key's name for people: `release@3 (kid …)`, or its kid alone. */
export function nameKey(trusted: TrustedKey): string {
  const { version, key } = trusted
  return version === undefined
    ? `kid ${key.kid}`
    : `${version.key}@${version.number} (kid ${key.kid})`
}

/** Names of the first keys that are expected to have signed. */
export function nameKeys(keys: readonly TrustedKey[]): string {
  return keys.slice(0, 3).map(nameKey).join(' or ') || 'a trusted key'
}

/** Most keys tried when a bundle's hint points to none of them. */
const MAX_TRIED_KEYS = 64

/**
 * The keys a bundle's hint may mean, best first: those it names by hint or kid; where it names none,
 * all, since tools write other hints (and cosign reads none). The hint is attacker-controlled: it only
 * orders the search, and each candidate must still verify the signature.
 */
export function selectKeys(hint: string, trust: TrustMaterial): readonly TrustedKey[] {
  const named = trust.keys.filter(({ key }) => key.hint === hint || key.kid === hint)
  return named.length > 0 ? named : trust.keys.slice(0, MAX_TRIED_KEYS)
}

const HASHES: readonly HashName[] = ['sha256', 'sha384', 'sha512']

/**
 * The key of a verified certificate with every hash it may have signed with: a certificate pins a key
 * but no hash, and clients in the field sign SHA-256 with a P-384 key.
 */
export function certificateKeys(key: PublicKeyInfo): readonly TrustedKey[] {
  const { algorithm } = key
  if (algorithm.hash === undefined) return [pinKey(key)]
  return HASHES.map((hash) => pinKey({ ...key, algorithm: { ...algorithm, hash } }))
}
