/** The last look at a bundle before anybody else sees it. */
import { CountersignError } from '../errors.ts'
import type { Signer } from '../signing/signer.ts'
import { pinKey } from '../verification/trust.ts'
import type { VerificationContext } from '../verification/verify-bundle.ts'
import type { ExaminedArtifact } from '../verification/verify-subjects.ts'

/** Examines what was made, in its finished form, as a verifier would. */
export type Examine = (context: VerificationContext) => Promise<ExaminedArtifact>

/**
 * Verifies what was just made with the signer's own public key, so that nothing is written or pushed
 * that its receivers would refuse.
 *
 * @throws {@link CountersignError} ERR_INTERNAL — it does not verify
 */
export async function assertReleasable(
  examine: Examine,
  made: { readonly signer: Signer; readonly predicateTypes: readonly string[]; readonly now: Date },
): Promise<void> {
  const { artifact, outcome } = await examine({
    trust: { keys: [pinKey(made.signer.key)] },
    policy: {
      predicateTypes: made.predicateTypes,
      annotations: {},
      threshold: 1,
      evidence: { logEntries: 0, times: 0 },
    },
    now: made.now,
  })
  if (outcome.ok) return
  throw new CountersignError(
    'ERR_INTERNAL',
    `what was signed for "${artifact.name}" does not verify`,
    {
      hint: 'nothing was written; this is a bug in countersign, please report it with the -v output',
      cause: outcome.error,
    },
  )
}
