/**
 * Verifying one artifact of a command line: finds what is attached to it and hands both to the core.
 *
 * @packageDocumentation
 */
import { CountersignError, toCountersignError } from '../src/errors.ts'
import type { Artifact } from '../src/verification/artifact.ts'
import { type ArtifactDocument, toArtifactDocument } from '../src/verification/result.ts'
import { type Attached, type Verdict, verifyArtifact } from '../src/verification/verify-artifact.ts'
import type { VerificationContext } from '../src/verification/verify-bundle.ts'
import { placeBundle, readBundles } from './bundle-files.ts'
import { openLocalArtifact } from './local-artifact.ts'
import type { CommandEnvironment } from './run.ts'
import { bundleStem, type LocalTarget, type Target, targetPath } from './targets.ts'

/** What one call verifies with. */
export interface VerificationJob extends VerificationContext {
  /** `--bundle`: a file, or a folder that has one for each artifact. */
  readonly bundle?: string | undefined
}

/** How the verification of one artifact ended. */
export interface VerifiedTarget {
  readonly document: ArtifactDocument
  /** Absent on success only. */
  readonly error?: CountersignError
}

/** Verifies one artifact; whatever goes wrong with it becomes its own verdict. */
export async function verifyTarget(
  target: Target,
  job: VerificationJob,
  environment: CommandEnvironment,
): Promise<VerifiedTarget> {
  try {
    if (target.kind === 'image') throw new CountersignError('ERR_OPERATION_UNSUPPORTED', 'images')
    return await verifyLocal(target, job, environment)
  } catch (thrown) {
    return refused(target.name, toCountersignError(thrown))
  }
}

async function verifyLocal(
  target: LocalTarget,
  job: VerificationJob,
  environment: CommandEnvironment,
): Promise<VerifiedTarget> {
  const artifact = await openLocalArtifact(target, environment)
  const verdict = await verifyArtifact(artifact, await findBundles(target, job), job)
  return toVerified(artifact, artifact.seen(), verdict)
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

/** The result of a verdict. */
export function toVerified(
  { name }: Artifact,
  digest: string | undefined,
  verdict: Verdict,
): VerifiedTarget {
  const document = toArtifactDocument(name, digest, verdict)
  return verdict.ok ? { document } : { document, error: verdict.error }
}

/** The result of an artifact that never came to a verdict. */
export function refused(name: string, error: CountersignError): VerifiedTarget {
  const verdict: Verdict = { ok: false, error, examined: [] }
  return { document: toArtifactDocument(name, undefined, verdict), error }
}
