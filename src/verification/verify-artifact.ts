/**
 * Verifying one artifact with everything that was found attached to it, and deciding by the policy.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { PROVENANCE_PREDICATE_TYPE } from '../formats/predicates/github-provenance.ts'
import type { Artifact } from './artifact.ts'
import type { Policy } from './policy.ts'
import type { TrustMaterial } from './trust.ts'
import { examineBundle, type BundleOutcome } from './verify-bundle.ts'
import type { VerificationContext, VerifiedSignature } from './verify-bundle.ts'
import {
  examineLegacyAttestation,
  examineLegacySignature,
  type LegacySignature,
} from './verify-legacy.ts'

/** Something found attached to an artifact, and where. All of it attacker-controlled. */
export type Attached =
  | { readonly kind: 'bundle'; readonly source: string; readonly bytes: Uint8Array }
  | { readonly kind: 'legacy-attestation'; readonly source: string; readonly bytes: Uint8Array }
  | { readonly kind: 'legacy-signature'; readonly source: string; readonly legacy: LegacySignature }

/** What became of one attached thing. */
export interface Examined {
  readonly source: string
  readonly outcome: BundleOutcome
}

/** A verdict: success always has at least one verified signature. */
export type Verdict =
  | {
      readonly ok: true
      readonly signatures: readonly [VerifiedSignature, ...VerifiedSignature[]]
      readonly examined: readonly Examined[]
    }
  | {
      readonly ok: false
      readonly error: CountersignError
      readonly examined: readonly Examined[]
    }

/**
 * Examines everything attached and decides: every demanded predicate type must be signed by at least
 * `threshold` distinct signers. Never throws for what was attached; an artifact that can't be read
 * does throw.
 */
export async function verifyArtifact(
  artifact: Artifact,
  attached: readonly Attached[],
  context: VerificationContext,
): Promise<Verdict> {
  const examined: Examined[] = []
  for (const item of attached) {
    examined.push({ source: item.source, outcome: await examine(item, artifact, context) })
  }
  return decide(artifact, examined, context)
}

function examine(
  item: Attached,
  artifact: Artifact,
  context: VerificationContext,
): Promise<BundleOutcome> {
  switch (item.kind) {
    case 'bundle':
      return examineBundle(item.bytes, artifact, context)
    case 'legacy-attestation':
      return examineLegacyAttestation(item.bytes, artifact, context)
    case 'legacy-signature':
      return examineLegacySignature(item.legacy, artifact, context)
  }
}

function decide(
  artifact: Artifact,
  examined: readonly Examined[],
  { policy, trust }: VerificationContext,
): Verdict {
  const held = examined.flatMap(({ outcome }) => (outcome.ok ? [outcome.signature] : []))
  // A copy of a signature, its high-s twin too, is not a second one.
  const signatures = [...new Map(held.map((signature) => [signature.id, signature])).values()]
  const [first, ...more] = signatures
  if (first === undefined) return { ok: false, error: closestError(artifact, examined), examined }
  const missing = missingType(signatures, policy, trust)
  if (missing === undefined) return { ok: true, signatures: [first, ...more], examined }
  const error = sourceError(missing.type, examined) ?? thresholdError(artifact, missing, policy)
  return { ok: false, error, examined }
}

/** Provenance that is there and names another source says more than that none of it counts. */
function sourceError(type: string, examined: readonly Examined[]): CountersignError | undefined {
  if (type !== PROVENANCE_PREDICATE_TYPE) return undefined
  const failed = examined.find(
    ({ outcome }) => !outcome.ok && outcome.checks.at(-1)?.id === 'source',
  )
  return failed?.outcome.ok === false ? failed.outcome.error : undefined
}

/** A demanded type that too few distinct signers signed. */
function missingType(
  signatures: readonly VerifiedSignature[],
  policy: Policy,
  trust: TrustMaterial,
): { type: string; signers: number } | undefined {
  const { predicateTypes, source } = policy
  const types = predicateTypes === 'any' ? ['any'] : predicateTypes
  const sourced = source === undefined ? [] : [PROVENANCE_PREDICATE_TYPE]
  return [...new Set([...types, ...sourced])]
    .map((type) => {
      const matching = signatures.filter(
        ({ predicateType }) => type === 'any' || predicateType === type,
      )
      return { type, signers: new Set(matching.map((one) => signerIdentity(one, trust))).size }
    })
    .find(({ signers }) => signers < policy.threshold)
}

/** One key with all its versions, or one certificate identity, counts once, however often it signed. */
function signerIdentity({ signer }: VerifiedSignature, trust: TrustMaterial): string {
  if (signer.kind === 'key') return keyIdentity(signer.trusted.key, trust)
  const { key, subjectAlternativeName, issuer } = signer.certificate
  // A certificate for a key that is trusted by itself adds no other holder.
  if (trust.keys.some((trusted) => trusted.key.kid === key.kid)) return keyIdentity(key, trust)
  return JSON.stringify(['certificate', subjectAlternativeName, issuer])
}

/** The name by which a history has a key, also where it is pinned beside it; else its kid. */
function keyIdentity({ kid }: PublicKeyInfo, trust: TrustMaterial): string {
  const named = trust.keys.find(({ key, version }) => key.kid === kid && version !== undefined)
  return JSON.stringify(named?.version === undefined ? ['kid', kid] : ['key', named.version.key])
}

function thresholdError(
  artifact: Artifact,
  missing: { type: string; signers: number },
  policy: Policy,
): CountersignError {
  return new CountersignError(
    'ERR_THRESHOLD_NOT_MET',
    `"${artifact.name}": ${missing.signers} of ${policy.threshold} required signers signed "${missing.type}"`,
    {
      hint: 'get the missing signatures, or demand fewer if they are not needed',
      details: {
        expected: policy.threshold,
        actual: missing.signers,
      },
      reason: 'too-few-signers',
    },
  )
}

/**
 * The most relevant failure. An attacker can attach anything, so what a trusted key signed comes first; there,
 * being of another type alone says less than a failure on the merits. Among the rest, what came furthest.
 */
function closestError(artifact: Artifact, examined: readonly Examined[]): CountersignError {
  const failures = examined.flatMap(({ outcome }) => (outcome.ok ? [] : [outcome]))
  const own = failures.filter(isOwn)
  const onMerits = own.filter(({ error }) => error.code !== 'ERR_PREDICATE_TYPE_MISMATCH')
  const [closest] = [onMerits, own, failures].flatMap((some) =>
    some.toSorted((a, b) => passed(b) - passed(a)),
  )
  if (closest !== undefined) return closest.error
  return new CountersignError(
    'ERR_SIGNATURE_NOT_FOUND',
    `no signature found for "${artifact.name}"`,
    {
      hint: 'no bundle or attached signature was found; name its bundle, or sign it first',
      reason: 'nothing-signed',
    },
  )
}

type Failure = Extract<BundleOutcome, { readonly ok: false }>

/** Signed by a trusted key, or by the expected identity: a certificate of another identity does not count. */
function isOwn({ checks }: Failure): boolean {
  const isSigned = checks.some(({ id, ok }) => id === 'signature' && ok)
  return isSigned && !checks.some(({ id, ok }) => id === 'identity' && !ok)
}

function passed({ checks }: Failure): number {
  return checks.filter(({ ok }) => ok).length
}
