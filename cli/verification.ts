/**
 * Verifying one artifact of a command line: finds what is attached to it and hands both to the core.
 *
 * @packageDocumentation
 */
import type { Digest } from '../src/crypto/digest.ts'
import { CountersignError, toCountersignError } from '../src/errors.ts'
import { type Artifact, digestArtifact } from '../src/verification/artifact.ts'
import { type ArtifactDocument, toArtifactDocument } from '../src/verification/result.ts'
import { type Attached, type Verdict, verifyArtifact } from '../src/verification/verify-artifact.ts'
import type { VerificationContext } from '../src/verification/verify-bundle.ts'
import { placeBundle, readBundles } from './bundle-files.ts'
import type { AttachmentFormat } from './image-attachments.ts'
import { openLocalArtifact } from './local-artifact.ts'
import type { CommandEnvironment } from './run.ts'
import type { Stores } from './stores.ts'
import { bundleStem, type LocalTarget, type Target, targetPath } from './targets.ts'

/** What one call verifies with. */
export interface VerificationJob extends VerificationContext {
  /** `--bundle`: a file, or a folder that has one for each artifact. */
  readonly bundle?: string | undefined
  readonly stores: Stores
  /** Also every image inside an index. */
  readonly recursive?: boolean
  readonly format?: AttachmentFormat | undefined
}

/** How the verification of one artifact ended. */
export interface VerifiedTarget {
  readonly document: ArtifactDocument
  /** What the user called it, an image by its digest. */
  readonly pinned: string
  /** Absent on success only. */
  readonly error?: CountersignError
}

/** Verifies one artifact, or a whole index; whatever goes wrong with it becomes its own verdict. */
export async function verifyTarget(
  target: Target,
  job: VerificationJob,
  environment: CommandEnvironment,
): Promise<readonly VerifiedTarget[]> {
  try {
    if (target.kind !== 'image') return [await verifyLocal(target, job, environment)]
    // Loaded late: files are verified without a registry client.
    const { verifyImage } = await import('./image-verification.ts')
    return await verifyImage(target, job, environment)
  } catch (thrown) {
    return [refused(target.name, toCountersignError(thrown))]
  }
}

async function verifyLocal(
  target: LocalTarget,
  job: VerificationJob,
  environment: CommandEnvironment,
): Promise<VerifiedTarget> {
  const artifact = await openLocalArtifact(target, environment)
  const verdict = await verifyArtifact(artifact, await findBundles(target, job), job)
  return toVerified(artifact, verdict, { digest: artifact.seen() })
}

async function findBundles(
  target: LocalTarget,
  job: VerificationJob,
): Promise<readonly Attached[]> {
  const place = await placeBundle(job.bundle, targetPath(target), bundleStem(target))
  if (place !== undefined) return readBundles(place)
  throw new CountersignError(
    'ERR_USAGE',
    `no bundle lies beside "${target.name}", for it is no file`,
    { hint: 'give its bundle with --bundle FILE' },
  )
}

/** What is known of an artifact beside its name. */
export interface KnownArtifact {
  readonly digest?: Digest | undefined
  readonly pinned?: string
}

/** The result of a verdict. */
export function toVerified(
  { name }: Artifact,
  verdict: Verdict,
  { digest, pinned = name }: KnownArtifact,
): VerifiedTarget {
  const document = toArtifactDocument(name, digest, verdict)
  return verdict.ok ? { document, pinned } : { document, pinned, error: verdict.error }
}

/** The result of an artifact that never came to a verdict. */
export function refused(
  name: string,
  error: CountersignError,
  known: KnownArtifact = {},
): VerifiedTarget {
  return toVerified(digestArtifact(name, []), { ok: false, error, examined: [] }, known)
}
