/**
 * The Sigstore trusted root of a service (sigstore/protobuf-specs, sigstore_trustroot.proto), as served
 * at `/trust/trusted-root.json`: its time-stamp authorities, one for each version of its time-stamp keys,
 * and its transparency log.
 *
 * @packageDocumentation
 */
import { encodeBase64 } from '../crypto/base64.ts'
import type { JsonObject } from '../formats/json.ts'
import { logAddress } from '../formats/log-address.ts'
import { logKeyId } from '../formats/note-key.ts'
import { signsUntil } from '../keys/deadlines.ts'
import type { Key, KeyUse, KeyVersion } from '../keys/key.ts'
import type { EarlierLogName } from '../log/log-roles.ts'
import { parseTimestampChain } from './chain.ts'

/** What a trusted root is made of: all keys and versions of a service, whatever their use. */
export interface TrustedRootSource {
  /** URL of the service. */
  readonly issuer: string
  /** Name of the transparency log: a host name. */
  readonly logOrigin: string
  /** Names that it had before; left out, none. */
  readonly earlierLogNames?: readonly EarlierLogName[]
  readonly keys: readonly Key[]
  readonly versions: readonly KeyVersion[]
}

const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'

/**
 * Writes the trusted root.
 *
 * A version counts from its publication, so that a verifier who keeps the document knows it before it
 * stamps; until `retiredAt` and the lag of signers; and, once revoked, until `compromisedSince`. An attacker
 * with a stolen time-stamp key can write any time into a stamp, so that last bound holds for honest stamps
 * only: revoking the version as compromised since its activation drops it altogether.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — the stored certificates of a version are malformed
 */
export function serializeTrustedRoot(source: TrustedRootSource): Uint8Array {
  const root = {
    mediaType: MEDIA_TYPE,
    tlogs: logsOf(source, ({ version }) => version.compromisedSince === undefined),
    certificateAuthorities: [],
    ctlogs: [],
    timestampAuthorities: trusted(source, 'timestamp').flatMap((one) =>
      toAuthority(one, source.issuer),
    ),
  }
  return Buffer.from(JSON.stringify(root))
}

/**
 * The log as it was signed by versions that are revoked now, each until it was compromised. They are not in the
 * trusted root: verifiers that know no time of an entry would take what a thief signs with them.
 */
export function revokedLogs(source: TrustedRootSource): readonly JsonObject[] {
  return logsOf(source, ({ version }) => version.compromisedSince !== undefined)
}

/** A version and when it counts. */
interface TrustedVersion {
  readonly version: KeyVersion
  readonly validFor: { readonly start: string; readonly end?: string }
}

function trusted({ keys, versions }: TrustedRootSource, use: KeyUse): readonly TrustedVersion[] {
  return keys
    .filter((key) => key.use === use)
    .flatMap((key) =>
      versions
        .filter((version) => version.key === key.name)
        .flatMap((version) => withWindow(version, key)),
    )
}

/** Without a version that was never published, or was ended or compromised before it could sign. */
function withWindow(version: KeyVersion, key: Key): readonly TrustedVersion[] {
  if (version.activatedAt === undefined && version.retiredAt !== undefined) return []
  const start = version.publishedAt ?? version.activatedAt
  const end = endOf(version, key)
  const signsFrom = version.activatedAt ?? start
  if (start === undefined || signsFrom === undefined) return []
  if (end === undefined) return [{ version, validFor: { start: start.toISOString() } }]
  if (end <= signsFrom) return []
  return [{ version, validFor: { start: start.toISOString(), end: end.toISOString() } }]
}

function endOf(version: KeyVersion, key: Key): Date | undefined {
  const { compromisedSince = version.revokedAt } = version
  const closed = signsUntil(version, key)
  if (compromisedSince === undefined) return closed
  return closed !== undefined && closed < compromisedSince ? closed : compromisedSince
}

function toAuthority({ version, validFor }: TrustedVersion, issuer: string): readonly object[] {
  if (version.certificates === undefined) return []
  const { certificates } = parseTimestampChain(version.certificates)
  return [
    {
      subject: {
        organization: new URL(issuer).host,
        commonName: `${version.key}@${version.version}`,
      },
      uri: new URL('v1/timestamps', withSlash(issuer)).href,
      certChain: { certificates: certificates.map((der) => ({ rawBytes: encodeBase64(der) })) },
      validFor,
    },
  ]
}

/**
 * Stock verifiers know a Rekor v2 log by the host of its address, and take what it signed for good whatever the
 * end of its window is: what a revoked version signed counts nothing, so that is left out.
 */
function logsOf(
  source: TrustedRootSource,
  isMeant: (version: TrustedVersion) => boolean,
): readonly JsonObject[] {
  const { earlierLogNames = [], logOrigin } = source
  const versions = trusted(source, 'log').filter(
    (one) => one.version.publicKey.algorithm.family === 'ed25519' && isMeant(one),
  )
  return [
    ...versions.map((one) => toLog(one, logOrigin)),
    ...earlierLogNames
      .toReversed()
      .flatMap((name) => versions.flatMap((one) => toEarlierLog(one, name))),
  ]
}

/** Without versions that were published when it had another name. */
function toEarlierLog(
  { version, validFor }: TrustedVersion,
  { origin, until }: EarlierLogName,
): readonly JsonObject[] {
  const { start, end = until.toISOString() } = validFor
  if (new Date(start) >= until) return []
  const last = new Date(end) < until ? end : until.toISOString()
  return [toLog({ version, validFor: { start, end: last } }, origin)]
}

function toLog({ version, validFor }: TrustedVersion, origin: string): JsonObject {
  const rawBytes = encodeBase64(version.publicKey.spki)
  return {
    baseUrl: logAddress(origin),
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes, keyDetails: 'PKIX_ED25519', validFor: { ...validFor } },
    logId: { keyId: encodeBase64(logKeyId(origin, version.publicKey)) },
  }
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`
}
