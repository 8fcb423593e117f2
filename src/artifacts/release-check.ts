/** The last look at a signature before anything else sees it. */
import { CountersignError } from '../errors.ts'
import { type Artifact, digestArtifact } from '../verification/artifact.ts'
import { SIGNATURE_POLICY } from '../verification/policy.ts'
import type { TrustMaterial } from '../verification/trust.ts'
import type { VerificationContext } from '../verification/verify-bundle.ts'
import { examineLegacySignature } from '../verification/verify-legacy.ts'
import { type ExaminedArtifact, examineForAll } from '../verification/verify-subjects.ts'
import type { SignatureOutput, SigningSubject } from './artifact-signer.ts'

/**
 * Verifies every part of an output for each of its subjects, in its finished form, as its receivers will:
 * nothing is written or pushed that they would refuse.
 *
 * @throws {@link CountersignError} the code of the first check that fails
 */
export async function assertReleasable(
  { bundle, legacy, predicateType, subjects }: SignatureOutput,
  { trust, now }: { readonly trust: TrustMaterial; readonly now: Date },
): Promise<void> {
  const policy = { ...SIGNATURE_POLICY, predicateTypes: [predicateType] }
  const context: VerificationContext = { trust, policy, now }
  const [first, ...more] = subjects
  const artifacts = [toArtifact(first), ...more.map(toArtifact)] as const
  if (bundle !== undefined) {
    assertHeld(await examineForAll(bundle.bundle, artifacts, context))
  }
  if (legacy === undefined) return
  for (const artifact of artifacts) {
    assertHeld({ artifact, outcome: await examineLegacySignature(legacy, artifact, context) })
  }
}

function toArtifact({ name, digests }: SigningSubject): Artifact {
  return digestArtifact(name, digests)
}

function assertHeld({ artifact, outcome }: ExaminedArtifact): void {
  if (outcome.ok) return
  const { code, message, hint, details } = outcome.error
  throw new CountersignError(
    code,
    `the signature of "${artifact.name}" does not verify: ${message}`,
    {
      hint: hint === undefined ? 'nothing was released' : `nothing was released; ${hint}`,
      details,
      cause: outcome.error,
    },
  )
}
