/** Verifying one bundle for many artifacts: the signature, which is the same for all of them, once. */
import { toCountersignError } from '../errors.ts'
import type { Bundle } from '../formats/bundle.ts'
import type { Statement } from '../formats/statement.ts'
import type { Artifact } from './artifact.ts'
import { findSubject } from './policy.ts'
import {
  examineBundle,
  type BundleOutcome,
  type VerificationContext,
  type VerifiedSignature,
} from './verify-bundle.ts'

/** How the examination of a bundle ended for one of its artifacts. */
export interface ExaminedArtifact {
  readonly artifact: Artifact
  readonly outcome: BundleOutcome
}

/**
 * Verifies one bundle for each artifact, as {@link examineBundle} does; answers the first it fails for,
 * and the last where it holds for all.
 *
 * @param given - JSON of the bundle, or what was parsed from it; attacker-controlled
 */
export async function examineForAll(
  given: Uint8Array | Bundle,
  [first, ...more]: readonly [Artifact, ...Artifact[]],
  context: VerificationContext,
): Promise<ExaminedArtifact> {
  let last: ExaminedArtifact = {
    artifact: first,
    outcome: await examineBundle(given, first, context),
  }
  for (const artifact of more) {
    if (!last.outcome.ok) return last
    const { signature } = last.outcome
    const { statement } = signature
    // What is demanded of a subject itself, or of a file's own signature, differs from one to the next.
    const isShared = Object.keys(context.policy.annotations).length === 0
    const outcome =
      statement === undefined || !isShared
        ? await examineBundle(given, artifact, context)
        : await examineSubject(signature, statement, artifact)
    last = { artifact, outcome }
  }
  return last
}

async function examineSubject(
  signature: VerifiedSignature,
  statement: Statement,
  artifact: Artifact,
): Promise<BundleOutcome> {
  try {
    await findSubject(statement, artifact)
    return { ok: true, signature }
  } catch (thrown) {
    return { ok: false, error: toCountersignError(thrown), checks: [] }
  }
}
