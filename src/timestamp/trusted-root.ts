/**
 * The Sigstore trusted root of a service (sigstore/protobuf-specs, sigstore_trustroot.proto), as served
 * at `/trust/trusted-root.json`: its time-stamp authorities, one for each version of its time-stamp keys,
 * and its logs.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import { encodeBase64 } from '../crypto/base64.ts'
import { hashBytes } from '../crypto/digest.ts'
import { signsUntil } from '../keys/deadlines.ts'
import type { Key, KeyUse, KeyVersion } from '../keys/key.ts'
import { parseTimestampChain } from './chain.ts'

/** What a trusted root is made of: all keys and versions of a service, whatever their use. */
export interface TrustedRootSource {
  /** URL of the service. */
  readonly issuer: string
  readonly keys: readonly Key[]
  readonly versions: readonly KeyVersion[]
}

const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'

/** Sigstore's names of the algorithms a log may sign with; \@sigstore/verify refuses a name it lacks. */
const KEY_DETAILS: Readonly<Partial<Record<AlgorithmName, string>>> = {
  ES256: 'PKIX_ECDSA_P256_SHA_256',
  ES384: 'PKIX_ECDSA_P384_SHA_384',
  ES512: 'PKIX_ECDSA_P521_SHA_512',
  EdDSA: 'PKIX_ED25519',
  Ed25519: 'PKIX_ED25519',
}

/**
 * Writes the trusted root.
 *
 * A version counts from its publication, so that a verifier who keeps the document knows it before it
 * stamps; until `retiredAt` and the lag of signers; and, once revoked, until `compromisedSince`. Whoever
 * has stolen a time-stamp key can write any time into a stamp, so that last bound holds for honest stamps
 * only: revoking the version as compromised since its activation drops it altogether.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — the stored certificates of a version are malformed
 */
export function serializeTrustedRoot(source: TrustedRootSource): Uint8Array {
  const root = {
    mediaType: MEDIA_TYPE,
    tlogs: trusted(source, 'log').flatMap((one) => toLog(one, source.issuer)),
    certificateAuthorities: [],
    ctlogs: [],
    timestampAuthorities: trusted(source, 'timestamp').flatMap((one) =>
      toAuthority(one, source.issuer),
    ),
  }
  return Buffer.from(JSON.stringify(root))
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

function toLog({ version, validFor }: TrustedVersion, issuer: string): readonly object[] {
  const { algorithm, spki } = version.publicKey
  const keyDetails = KEY_DETAILS[algorithm.name]
  if (keyDetails === undefined) return []
  return [
    {
      baseUrl: new URL('log', withSlash(issuer)).href,
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: encodeBase64(spki), keyDetails, validFor },
      logId: { keyId: encodeBase64(hashBytes('sha256', spki)) },
    },
  ]
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`
}
