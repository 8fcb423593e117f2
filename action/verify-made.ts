/** The last look at what was made, before anybody else sees it. */
import { CountersignError } from '../src/errors.ts'
import { type Artifact, digestArtifact } from '../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../src/verification/policy.ts'
import type { TrustMaterial } from '../src/verification/trust.ts'
import type { VerificationContext } from '../src/verification/verify-bundle.ts'
import { examineLegacySignature } from '../src/verification/verify-legacy.ts'
import { type ExaminedArtifact, examineForAll } from '../src/verification/verify-subjects.ts'
import type { MadeItem } from './made.ts'
import type { ActionSubject } from './subjects.ts'

/**
 * Verifies every part of an item for each of its subjects, as its receivers will.
 *
 * @throws {@link CountersignError} the code of the first check that fails
 */
export async function assertVerifies(
  item: MadeItem,
  trust: TrustMaterial,
  now: Date,
): Promise<void> {
  const { bundle, legacy, predicateType, subjects } = item
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

function toArtifact({ name, digest }: ActionSubject): Artifact {
  return digestArtifact(name, [digest])
}

function assertHeld({ artifact, outcome }: ExaminedArtifact): void {
  if (!outcome.ok) throw refused(artifact.name, outcome.error)
}

function refused(name: string, cause: CountersignError): CountersignError {
  return new CountersignError(
    cause.code,
    `what was signed for "${name}" does not verify: ${cause.message}`,
    {
      hint:
        cause.hint === undefined ? 'nothing was published' : `nothing was published; ${cause.hint}`,
      details: cause.details,
      cause,
    },
  )
}
