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
import { assertWitnessed, type WitnessDemand } from '../formats/witnesses.ts'
import type { TrustedTime } from './key-validity.ts'
import { findLate, revokedLog } from './revoked-logs.ts'
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

/** Evidence that held. */
export interface Evidence {
  readonly times: readonly TrustedTime[]
  readonly logEntries: number
  /** Names of the demanded witnesses that cosigned. */
  readonly witnesses: readonly string[]
  /**
   * Since when the key of a log is compromised that signed the proof of an entry, which therefore does not count: no
   * time stamp shows that the bundle is older.
   */
  readonly compromisedSince?: Date | undefined
  readonly certificate?: CertificateSigner
}

const NONE: Evidence = { times: [], logEntries: 0, witnesses: [] }

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
  demand: EvidenceDemand,
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
  const late = findLate(entity.tlogEntries, revoked, times)
  const entries = entity.tlogEntries.filter((entry) => !late.has(entry))
  const [compromisedSince] = late.values()
  const found = { times, logEntries: entries.length, compromisedSince }
  assertDemand(found, demand)
  const witnesses = findWitnesses(entries, demand.witnesses)
  const evidence: Evidence = { ...found, witnesses }
  if (!isCertificate) return evidence
  return { ...evidence, certificate: await verifyCertificate(entity, root) }
}

/** Tells whether a bundle has evidence to be verified: a certificate always, the rest with a root. */
export function hasEvidence(bundle: Bundle, root: TrustedRoot | undefined): boolean {
  if (bundle.signer.kind === 'certificate') return true
  return root !== undefined && (bundle.logEntries > 0 || bundle.timestamps > 0)
}

/** What a bundle without evidence has, where none is demanded. */
export function noEvidence(demand: EvidenceDemand): Evidence {
  assertDemand(NONE, demand)
  findWitnesses([], demand.witnesses)
  return NONE
}

function noRoot(): CountersignError {
  return new CountersignError(
    'ERR_KEY_NOT_TRUSTED',
    'the bundle is signed with a certificate, and no trusted root was given',
    { hint: 'give --trusted-root FILE' },
  )
}

function assertDemand(
  evidence: Pick<Evidence, 'times' | 'logEntries' | 'compromisedSince'>,
  demand: EvidenceDemand,
): void {
  const { logEntries = 0 } = demand
  if (evidence.logEntries < logEntries) {
    if (evidence.compromisedSince !== undefined) throw revokedLog(evidence.compromisedSince)
    throw new CountersignError(
      'ERR_LOG_PROOF_INVALID',
      `${evidence.logEntries} log entries could be verified, ${logEntries} are required`,
      { hint: 'give the --trusted-root of the log, or a bundle with a log entry' },
    )
  }
  if (evidence.times.length < demand.times) {
    throw new CountersignError(
      'ERR_TIMESTAMP_INVALID',
      `${evidence.times.length} trusted times could be verified, ${demand.times} are required`,
      {
        hint: 'give the --trusted-root of the time-stamp authority, or a bundle with a time stamp',
      },
    )
  }
}

/** Of one verified entry at least, whose proof leads to the checkpoint that is looked at. */
function findWitnesses(
  entries: readonly TransparencyLogEntry[],
  demand: WitnessDemand | undefined,
): readonly string[] {
  if (demand === undefined || demand.count === 0) return []
  const checkpoints = entries.flatMap(({ inclusionProof }) => inclusionProof?.checkpoint ?? [])
  let missing: unknown = noCheckpoint(demand)
  for (const { envelope } of checkpoints) {
    try {
      return assertWitnessed(Buffer.from(envelope), demand).map(({ witness }) => witness.name)
    } catch (error) {
      missing = error
    }
  }
  throw missing
}

function noCheckpoint({ count }: WitnessDemand): CountersignError {
  const message = `no verified log entry has a checkpoint, expected one with cosignatures of ${count} witnesses`
  return new CountersignError('ERR_WITNESS_MISSING', message, {
    hint: 'give the --trusted-root of the log, and a bundle with the proof of its entry',
    details: { expected: count, actual: 0 },
  })
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

const EMPTY = Buffer.alloc(0)

/** As a bundle has it. */
type TransparencyLogEntry = SignedEntity['tlogEntries'][number]

/**
 * Verifies log entries and time stamps and answers the times. The verifier tells times to nobody but
 * a public key's `validFor`, so the entity is looked at as if signed by a key that listens.
 */
async function verifyTimes(
  entity: SignedEntity,
  root: TrustedRoot,
  demand: EvidenceDemand,
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
      tlogThreshold: demand.logEntries ?? 0,
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
