/** The last look at what was made, before anybody else sees it. */
import { CountersignError } from '../src/errors.ts'
import { digestArtifact } from '../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../src/verification/policy.ts'
import type { TrustMaterial } from '../src/verification/trust.ts'
import { examineBundle, type VerificationContext } from '../src/verification/verify-bundle.ts'
import { examineLegacySignature } from '../src/verification/verify-legacy.ts'
import type { MadeItem } from './made.ts'

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
  for (const { name, digest } of subjects) {
    const artifact = digestArtifact(name, [digest])
    const outcomes = [
      ...(bundle === undefined ? [] : [await examineBundle(bundle.bundle, artifact, context)]),
      ...(legacy === undefined ? [] : [await examineLegacySignature(legacy, artifact, context)]),
    ]
    const failed = outcomes.find(({ ok }) => !ok)
    if (failed?.ok === false) throw refused(name, failed.error)
  }
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
