/** Verifying an image with all that is attached to it. */
import type { Artifact } from '../verification/artifact.ts'
import { type Examined, type Verdict, verifyArtifact } from '../verification/verify-artifact.ts'
import type { VerificationContext } from '../verification/verify-bundle.ts'
import { type FoundAttachments, mergeFound } from '../oci/attachments.ts'
import type { UnreadableAttachment } from '../oci/bundle-referrers.ts'

/**
 * Verifies what was found, and where that does not verify, older forms too; what could not be read is in
 * the verdict, each with why.
 */
export async function verifyAttachments(
  artifact: Artifact,
  found: FoundAttachments,
  context: VerificationContext,
): Promise<Verdict> {
  const verdict = await verifyArtifact(artifact, found.attached, context)
  if (!verdict.ok && found.readOlder !== undefined) {
    const all = mergeFound(found, await found.readOlder())
    return verifyAttachments(artifact, all, context)
  }
  return withUnreadable(verdict, found.unreadable)
}

/**
 * Adds what could not be read. It takes nothing from a verdict that holds without it; but "not signed"
 * can't be said while something that may be the signature could not be read.
 */
function withUnreadable(verdict: Verdict, unreadable: readonly UnreadableAttachment[]): Verdict {
  const failed = unreadable.map(({ source, error }): Examined => ({
    source,
    outcome: { ok: false, error, checks: [] },
  }))
  const examined = [...verdict.examined, ...failed]
  if (verdict.ok) return { ...verdict, examined }
  const errors = unreadable.map(({ error }) => error)
  const transient = errors.find(({ retryable }) => retryable)
  const other = verdict.examined.length === 0 ? errors[0] : undefined
  return { ...verdict, examined, error: transient ?? other ?? verdict.error }
}
