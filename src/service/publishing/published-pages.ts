/**
 * What the service publishes of its keys, as finished pages: bytes and the headers that belong to them.
 * Functions of the keys and the time alone.
 *
 * @packageDocumentation
 */
import { encodeBase64Url } from '../../crypto/base64.ts'
import { toX509Signature } from '../../crypto/der.ts'
import { hashBytes } from '../../crypto/digest.ts'
import { serializePublicKeyPem } from '../../crypto/public-key.ts'
import { encodePae, serializeEnvelope } from '../../formats/dsse.ts'
import { isJsonObject, parseJson } from '../../formats/json.ts'
import {
  KEY_HISTORY_PAYLOAD_TYPE,
  type KeyHistory,
  serializeKeyHistory,
} from '../../keys/key-history.ts'
import type { KeyVersion } from '../../keys/key.ts'
import {
  DIGEST_KEY_WARNING,
  publishAuditKeys,
  publishDiscovery,
  publishJwks,
  publishKeyHistory,
} from '../../keys/publication.ts'
import type { PublicationTimes } from '../../keys/publication-times.ts'
import type { KeyringSnapshot } from '../../rotation/keyring.ts'
import type { Signer } from '../../signing/signer.ts'
import {
  revokedLogs,
  serializeTrustedRoot,
  type TrustedRootSource,
} from '../../timestamp/trusted-root.ts'

/** One page, ready to be sent. */
export interface PublishedPage {
  readonly body: Uint8Array
  /** Strong: of the bytes. */
  readonly etag: string
  readonly contentType: string
  readonly maxAgeSeconds: number
}

/** Pages by path, and when they change by themselves. */
export interface PublishedPages {
  readonly pages: ReadonlyMap<string, PublishedPage>
  readonly nextChangeAt: Date | undefined
}

const TRUSTED_ROOT_PATH = '/trust/trusted-root.json'

function page(
  body: Uint8Array | string,
  contentType: string,
  maxAgeSeconds: number,
): PublishedPage {
  const bytes = Buffer.from(body)
  const etag = `"${encodeBase64Url(hashBytes('sha256', bytes))}"`
  return { body: bytes, etag, contentType, maxAgeSeconds }
}

/** Whose documents are published. */
export interface PublisherNames extends Pick<
  TrustedRootSource,
  'issuer' | 'logOrigin' | 'earlierLogNames'
> {
  /** Name of the audit log. */
  readonly auditOrigin: string
}

/**
 * The pages that need no signature. A revoked key has no page of its own: tools that take a key alone ask
 * for no window and no time.
 */
export function publishPages(
  snapshot: KeyringSnapshot,
  names: PublisherNames,
  now: Date,
): PublishedPages {
  const jwks = publishJwks(snapshot, now)
  const maxAge = trustMaxAge(snapshot)
  const json = (value: unknown, type = 'application/json'): PublishedPage =>
    page(JSON.stringify(value), type, jwks.maxAgeSeconds)
  const keys = snapshot.versions
    .filter(
      (version) => version.publishedAt !== undefined && version.compromisedSince === undefined,
    )
    .map((version): [string, PublishedPage] => [
      `/keys/${version.publicKey.kid}.pem`,
      page(toPem(version, snapshot), 'application/x-pem-file', maxAge),
    ])
  const pages = new Map([
    ['/.well-known/jwks.json', json(jwks.document, 'application/jwk-set+json')],
    ['/.well-known/openid-configuration', json(publishDiscovery(names.issuer, snapshot.keys))],
    [
      TRUSTED_ROOT_PATH,
      page(serializeTrustedRoot({ ...snapshot, ...names }), 'application/json', maxAge),
    ],
    ...keys,
  ])
  return { pages, nextChangeAt: jwks.nextChangeAt }
}

function toPem({ key: name, publicKey }: KeyVersion, { keys }: KeyringSnapshot): string {
  const isDigest = keys.some((key) => key.name === name && key.use === 'digest')
  return `${isDigest ? `${DIGEST_KEY_WARNING}\n` : ''}${serializePublicKeyPem(publicKey)}`
}

/** The least M of the keys that are not for tokens; a day-old history would hide a revocation. */
function trustMaxAge({ keys }: KeyringSnapshot): number {
  const ages = keys.filter(({ use }) => use !== 'token').map(({ policy }) => policy.maxAgeSeconds)
  return ages.length === 0 ? 300 : Math.min(...ages)
}

/** The key history with the audit log's keys and the trusted root of the same moment. */
export function createHistory(snapshot: KeyringSnapshot, names: PublisherNames): KeyHistory {
  const trustedRoot = parseJson(serializeTrustedRoot({ ...snapshot, ...names }))
  const auditKeys = publishAuditKeys(snapshot)
  const revoked = revokedLogs({ ...snapshot, ...names })
  return {
    ...publishKeyHistory(snapshot),
    issuer: names.issuer,
    ...(auditKeys.length > 0 && { auditLog: { origin: names.auditOrigin, keys: auditKeys } }),
    ...(isJsonObject(trustedRoot) && { trustedRoot }),
    ...(revoked.length > 0 && { revokedLogs: revoked }),
  }
}

/**
 * Signs a key history; answers its envelope.
 *
 * @throws {@link CountersignError} the errors of the signer's backend
 */
export async function signHistory(history: KeyHistory, signer: Signer): Promise<Uint8Array> {
  const payload = serializeKeyHistory(history)
  const { algorithm, kid } = signer.key
  const signature = await signer.sign(encodePae(KEY_HISTORY_PAYLOAD_TYPE, payload))
  const signatures = [{ keyid: kid, sig: toX509Signature(algorithm, signature) }]
  return serializeEnvelope({ payloadType: KEY_HISTORY_PAYLOAD_TYPE, payload, signatures })
}

/** A signed key history as a page. A cache may not keep it beyond the half of its life that a renewal leaves. */
export function historyPage(
  envelope: Uint8Array,
  { expires, issuedAt }: PublicationTimes,
  snapshot: KeyringSnapshot,
): PublishedPage {
  const halfSeconds = Math.floor((expires.getTime() - issuedAt.getTime()) / 2000)
  return page(envelope, 'application/json', Math.min(trustMaxAge(snapshot), halfSeconds))
}
