/**
 * What a bundle carries beside its signature: log entries, time stamps, a certificate. \@sigstore/verify
 * checks them against a trusted root; the signature itself is the next step's, and ours.
 *
 * @packageDocumentation
 */
import { createSecretKey } from 'node:crypto'
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import type { KeyFinderFunc, SignedEntity } from '@sigstore/verify'
import { encodeBase64 } from '../crypto/base64.ts'
import { fromKeyObject, type PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError, type ErrorCode } from '../errors.ts'
import type { Bundle } from '../formats/bundle.ts'
import type { WitnessDemand } from '../formats/witnesses.ts'
import type { TrustedTime } from './key-validity.ts'
import { findLate } from './revoked-logs.ts'
import { assertStatedTree } from './stated-tree.ts'
import type { TrustMaterial } from './trust.ts'

/** Who a certificate names, once its chain has been verified at every trusted time. */
export interface CertificateSigner {
  readonly key: PublicKeyInfo
  readonly subjectAlternativeName: string
  readonly issuer: string
}

/** How much evidence a verification demands. */
export interface EvidenceDemand {
  /**
   * Least number of verified log entries; undefined: one for what a service signed that logs its signatures, as
   * far as its log has entries that a bundle carries, else none.
   */
  readonly logEntries: number | undefined
  /** Least number of trusted times. */
  readonly times: number
  /** Witnesses that must have cosigned the checkpoint of a verified log entry. */
  readonly witnesses?: WitnessDemand | undefined
}

/** That a log has a signature, as a verified proof shows. */
export interface LoggedIn {
  /** Name of the log. */
  readonly log: string
  /** The signed note to which the proof leads; older entries have none. */
  readonly checkpoint: string | undefined
}

/** Evidence that held. */
export interface Evidence {
  readonly times: readonly TrustedTime[]
  /** Logs that have it, by entries of the bundle: one for each entry. */
  readonly logged: readonly LoggedIn[]
  /**
   * Since when the key of a log is compromised that signed the proof of an entry, which therefore does not count: no
   * time stamp shows that the bundle is older.
   */
  readonly compromisedSince?: Date | undefined
  readonly certificate?: CertificateSigner
}

const NONE: Evidence = { times: [], logged: [] }

/** What is demanded before it is known who signed. */
type TimeDemand = Pick<EvidenceDemand, 'times'>

/**
 * Verifies the evidence of a bundle. Evidence of a kind the trusted root has no authority for is not
 * looked at and counts for nothing; evidence that is looked at and fails, fails the bundle.
 *
 * @throws {@link CountersignError} ERR_TIMESTAMP_INVALID, ERR_LOG_PROOF_INVALID, ERR_KEY_NOT_TRUSTED — the
 * certificate does not chain up, ERR_BUNDLE_INVALID
 */
export async function verifyEvidence(
  bundle: Bundle,
  { trustedRoot, revokedLogs = [] }: Pick<TrustMaterial, 'trustedRoot' | 'revokedLogs'>,
  demand: TimeDemand,
): Promise<Evidence> {
  const isCertificate = bundle.signer.kind === 'certificate'
  if (trustedRoot === undefined) throw noRoot()
  // A certificate rests on its log, and stock verifiers know no revoked one.
  const revoked = isCertificate ? [] : revokedLogs
  const root = { ...trustedRoot, tlogs: [...trustedRoot.tlogs, ...revoked] }
  // A certificate lives minutes: without a time and a log it proves nothing.
  const least = isCertificate ? { logEntries: 1, times: 1 } : { logEntries: 0, times: 0 }
  const entity = relevantEvidence(await toEntity(bundle), root)
  const times = await verifyTimes(entity, root, least)
  entity.tlogEntries.forEach(assertStatedTree)
  const late = findLate(entity.tlogEntries, revoked, times)
  const entries = entity.tlogEntries.filter((entry) => !late.has(entry))
  const [compromisedSince] = late.values()
  const evidence: Evidence = { times, logged: toLogged(entries, root), compromisedSince }
  assertTimes(evidence, demand)
  if (!isCertificate) return evidence
  return { ...evidence, certificate: await verifyCertificate(entity, root) }
}

/** Whether a bundle has evidence to be verified: a certificate always, the rest with a root. */
export function hasEvidence(bundle: Bundle, root: TrustedRoot | undefined): boolean {
  if (bundle.signer.kind === 'certificate') return true
  return root !== undefined && (bundle.logEntries > 0 || bundle.timestamps > 0)
}

/** What a bundle without evidence has, where none is demanded. */
export function noEvidence(demand: TimeDemand): Evidence {
  assertTimes(NONE, demand)
  return NONE
}

function noRoot(): CountersignError {
  return new CountersignError(
    'ERR_KEY_NOT_TRUSTED',
    'the bundle is signed with a certificate, and no trusted root was given',
    { hint: 'give the trusted root of its authority', reason: 'trusted-root-missing' },
  )
}

function assertTimes(evidence: Evidence, demand: TimeDemand): void {
  if (evidence.times.length < demand.times) {
    throw new CountersignError(
      'ERR_TIMESTAMP_INVALID',
      `${evidence.times.length} of ${demand.times} required trusted times verified`,
      {
        hint: 'give the trusted root of the time-stamp authority, or a bundle with a time stamp',
        reason: 'time-stamp-unproven',
      },
    )
  }
}

async function toEntity(bundle: Bundle): Promise<SignedEntity> {
  const [{ bundleFromJSON }, { toSignedEntity }] = await Promise.all([
    import('@sigstore/bundle'),
    import('@sigstore/verify'),
  ])
  try {
    const entity = toSignedEntity(bundleFromJSON(bundle.json), Buffer.alloc(0))
    const content = entity.signature
    return {
      ...entity,
      signature: {
        signature: content.signature,
        compareSignature: (signature) => content.compareSignature(signature),
        compareDigest: (digest) => content.compareDigest(digest),
        compareSignedDigest: (digest) => content.compareSignedDigest(digest),
        // The signature step is ours: it knows streams, digests, SHA-384/512 and PSS.
        verifySignature: () => true,
      },
    }
  } catch (cause) {
    throw new CountersignError('ERR_BUNDLE_INVALID', 'malformed Sigstore bundle: its evidence', {
      cause,
    })
  }
}

/** Entries of logs that the root lacks are not looked at, as cosign does: they count for nothing. */
function relevantEvidence(entity: SignedEntity, root: TrustedRoot): SignedEntity {
  const logs = new Set(root.tlogs.map(({ logId }) => encodeBase64(logId?.keyId ?? EMPTY)))
  const isKnown = ({ logId }: TransparencyLogEntry): boolean => logs.has(encodeBase64(logId.keyId))
  return {
    ...entity,
    timestamps: entity.timestamps.filter((time) =>
      time.$case === 'timestamp-authority'
        ? root.timestampAuthorities.length > 0
        : isKnown(time.tlogEntry),
    ),
    tlogEntries: entity.tlogEntries.filter(isKnown),
  }
}

/** A log has one name, and a key id for each version of its key. */
function toLogged(
  entries: readonly TransparencyLogEntry[],
  { tlogs }: TrustedRoot,
): readonly LoggedIn[] {
  return entries.map(({ logId: { keyId }, inclusionProof }) => {
    const listed = tlogs.find(({ logId }) => Buffer.from(logId?.keyId ?? EMPTY).equals(keyId))
    const log = URL.parse(listed?.baseUrl ?? '')?.hostname ?? encodeBase64(keyId)
    return { log, checkpoint: inclusionProof?.checkpoint?.envelope }
  })
}

const EMPTY = Buffer.alloc(0)

/** As a bundle has it. */
type TransparencyLogEntry = SignedEntity['tlogEntries'][number]

/**
 * Verifies log entries and time stamps and answers the times. The verifier passes times only to
 * a public key's `validFor`, so the entity is looked at as if signed by a key that listens.
 */
async function verifyTimes(
  entity: SignedEntity,
  root: TrustedRoot,
  demand: { readonly logEntries: number; readonly times: number },
): Promise<readonly TrustedTime[]> {
  const { toTrustMaterial, Verifier } = await import('@sigstore/verify')
  const heard: Date[] = []
  const anyKey = listeningKey((time) => heard.push(time))
  const sources = entity.timestamps
    .filter((time) => time.$case === 'timestamp-authority' || time.tlogEntry.inclusionPromise)
    .map(({ $case }) => $case)
  run(() => {
    const material = toTrustMaterial(root, anyKey)
    const verifier = new Verifier(material, {
      ctlogThreshold: 0,
      tlogThreshold: demand.logEntries,
      timestampThreshold: demand.times,
    })
    verifier.verify({ ...entity, key: { $case: 'public-key', hint: '' } })
  })
  return heard.map((time, index) => ({ source: sources[index] ?? 'transparency-log', time }))
}

/** A stand-in for the signer's key; only its `validFor` is ever asked. */
function listeningKey(listen: (time: Date) => void): KeyFinderFunc {
  const publicKey = createSecretKey(Buffer.alloc(1))
  const validFor = (time: Date): boolean => {
    listen(time)
    return true
  }
  return () => ({ publicKey, validFor })
}

async function verifyCertificate(
  entity: SignedEntity,
  root: TrustedRoot,
): Promise<CertificateSigner> {
  const { toTrustMaterial, Verifier } = await import('@sigstore/verify')
  const signer = run(() => new Verifier(toTrustMaterial(root)).verify(entity))
  return {
    key: fromKeyObject(signer.key),
    subjectAlternativeName: signer.identity?.subjectAlternativeName ?? '',
    issuer: signer.identity?.extensions?.issuer ?? '',
  }
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  TIMESTAMP_ERROR: 'ERR_TIMESTAMP_INVALID',
  CERTIFICATE_ERROR: 'ERR_KEY_NOT_TRUSTED',
  PUBLIC_KEY_ERROR: 'ERR_KEY_NOT_TRUSTED',
  SIGNATURE_ERROR: 'ERR_SIGNATURE_INVALID',
}

/** Runs the library over attacker-controlled evidence: whatever it throws becomes ours. */
function run<T>(verify: () => T): T {
  try {
    return verify()
  } catch (cause) {
    const name = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const code = name.startsWith('TLOG_') ? 'ERR_LOG_PROOF_INVALID' : CODES[name]
    if (code === undefined || !(cause instanceof Error)) {
      throw new CountersignError('ERR_BUNDLE_INVALID', 'malformed Sigstore bundle: its evidence', {
        cause,
      })
    }
    throw new CountersignError(code, `the bundle's evidence does not hold: ${cause.message}`, {
      cause,
    })
  }
}
