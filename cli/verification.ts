/**
 * Verifying one artifact of a command line: finds what is attached to it and hands both to the core.
 *
 * @packageDocumentation
 */
import { CountersignError, toCountersignError } from '../src/errors.ts'
import { type Attached, verifyArtifact } from '../src/verification/verify-artifact.ts'
import { placeBundle, readBundles } from './bundle-files.ts'
import { openLocalArtifact } from './local-artifact.ts'
import type { CommandEnvironment } from './command.ts'
import type { LocalTarget, Target } from '../src/artifacts/named-artifact.ts'
import { besidePath, bundleStem, describeNoPlace } from './targets.ts'
import {
  refused,
  toVerified,
  type VerificationJob,
  type VerifiedTarget,
} from './verified-target.ts'

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
  const verdict = await verifyArtifact(artifact, await findBundles(target, job, environment), job)
  const isUnread = target.kind === 'digests' && target.path !== undefined
  return toVerified(artifact, verdict, {
    digest: artifact.seen(),
    ...(isUnread && { digestOnly: true as const }),
  })
}

async function findBundles(
  target: LocalTarget,
  job: VerificationJob,
  { terminal }: CommandEnvironment,
): Promise<readonly Attached[]> {
  const place = await placeBundle(job.bundle, besidePath(target), bundleStem(target))
  if (place !== undefined) {
    const bundles = await readBundles(place)
    const count = bundles.length === 0 ? 'no bundle' : `bundles: ${bundles.length}`
    terminal.detail(`looked at ${place.path}, ${count}`)
    return bundles
  }
  throw new CountersignError(
    'ERR_USAGE',
    `${describeNoPlace(target)}, so there is no bundle beside it`,
    { hint: 'give its bundle with --bundle FILE' },
  )
}
