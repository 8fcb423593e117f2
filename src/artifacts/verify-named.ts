/**
 * Verifying one artifact that is named: finds what is attached to it and hands both to the core.
 *
 * @packageDocumentation
 */
import { CountersignError, toCountersignError } from '../errors.ts'
import { type Attached, verifyArtifact } from '../verification/verify-artifact.ts'
import type { FoundProof } from '../verification/log-proof.ts'
import { placeBundle, readBundles } from './bundle-files.ts'
import { openLocalArtifact } from './local-content.ts'
import { readProofBeside } from './log-proof-files.ts'
import {
  besidePath,
  bundleStem,
  describeNoPlace,
  type NamedArtifact,
  type NamedContent,
} from './named-artifact.ts'
import {
  refused,
  toVerified,
  type VerificationJob,
  type VerifiedArtifact,
} from './verified-artifact.ts'
import type { ArtifactWorld } from './world.ts'

/** Verifies one artifact, or a whole index; whatever goes wrong with it becomes its own verdict. */
export async function verifyNamed(
  named: NamedArtifact,
  job: VerificationJob,
  world: ArtifactWorld,
): Promise<readonly VerifiedArtifact[]> {
  try {
    if (named.kind !== 'image') return [await verifyLocal(named, job, world)]
    // Loaded late: files are verified without a registry client.
    const { verifyImages } = await import('./verify-images.ts')
    return await verifyImages(named, job, world)
  } catch (thrown) {
    return [refused(named.name, toCountersignError(thrown))]
  }
}

async function verifyLocal(
  named: NamedContent,
  job: VerificationJob,
  world: ArtifactWorld,
): Promise<VerifiedArtifact> {
  const artifact = await openLocalArtifact(named, world)
  const { bundles, proofs } = await findBundles(named, job, world)
  const logProofs = [...(job.logProofs ?? []), ...proofs]
  const verdict = await verifyArtifact(artifact, bundles, { ...job, logProofs })
  const isUnread = named.kind === 'digests' && named.path !== undefined
  return toVerified(artifact, verdict, {
    digest: artifact.seen(),
    ...(isUnread && { digestOnly: true as const }),
  })
}

interface FoundBundles {
  readonly bundles: readonly Attached[]
  readonly proofs: readonly FoundProof[]
}

async function findBundles(
  named: NamedContent,
  job: VerificationJob,
  { report }: ArtifactWorld,
): Promise<FoundBundles> {
  const place = await placeBundle(job.bundle, besidePath(named), bundleStem(named))
  if (place !== undefined) {
    const bundles = await readBundles(place)
    const count = bundles.length === 0 ? 'no bundle' : `bundles: ${bundles.length}`
    report?.(`looked at ${place.path}, ${count}`)
    return { bundles, proofs: await readProofBeside(place.path) }
  }
  throw new CountersignError(
    'ERR_USAGE',
    `${describeNoPlace(named)}, so there is no bundle beside it`,
    { hint: 'name its bundle', reason: 'bundle-unknown' },
  )
}
