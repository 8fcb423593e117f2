/** Verifying images in registries and layouts. */
import type { Digest } from '../crypto/digest.ts'
import { toCountersignError } from '../errors.ts'
import type { OciStore } from '../oci/artifact-store.ts'
import { type FoundAttachments, readAttachments } from '../oci/attachments.ts'
import { verifyAttachments } from './verify-attachments.ts'
import { digestArtifact } from '../verification/artifact.ts'
import type { FoundProof } from '../verification/log-proof.ts'
import { placeBundle, readBundles } from './bundle-files.ts'
import { readProofBeside } from './log-proof-files.ts'
import { openImages, pinReference } from './open-images.ts'
import { mapConcurrent } from '../basics/map-concurrent.ts'
import { digestStem, type NamedImage } from './named-artifact.ts'
import type { ArtifactWorld } from './world.ts'
import {
  refused,
  toVerified,
  type VerificationJob,
  type VerifiedArtifact,
} from './verified-artifact.ts'

interface ImageToVerify {
  readonly name: string
  readonly pinned: string
  readonly digest: Digest
  /** Absent where nothing of the store is needed. */
  readonly store: OciStore | undefined
}

const AT_ONCE = 4

/** Verifies an image; with `recursive`, also each one inside an index. */
export async function verifyImages(
  named: NamedImage,
  job: VerificationJob,
  world: ArtifactWorld,
): Promise<readonly VerifiedArtifact[]> {
  const images = await nameImages(named, job, world)
  return mapConcurrent(images, AT_ONCE, (image) =>
    verifyOne(image, job, world).catch((thrown: unknown) =>
      refused(image.name, toCountersignError(thrown), image),
    ),
  )
}

async function verifyOne(
  image: ImageToVerify,
  job: VerificationJob,
  world: ArtifactWorld,
): Promise<VerifiedArtifact> {
  const artifact = digestArtifact(image.name, [image.digest])
  const found = await findAttached(image, job, world)
  const logProofs = [...(job.logProofs ?? []), ...(found.logProofs ?? [])]
  const verdict = await verifyAttachments(artifact, found, { ...job, logProofs })
  if (found.attached.length === 0) await assertThere(image, world)
  return toVerified(artifact, verdict, image)
}

/** A digest is enough to ask for what is attached to it: only a tag has to be resolved. */
async function nameImages(
  named: NamedImage,
  job: VerificationJob,
  { signal }: ArtifactWorld,
): Promise<readonly ImageToVerify[]> {
  const { name, reference } = named
  const { stores, recursive = false } = job
  const { digest } = reference
  if (digest !== undefined && !recursive) {
    const store = job.bundle === undefined ? await stores.open(reference) : undefined
    return [{ name, pinned: pinReference(reference, digest), digest, store }]
  }
  const images = await openImages(named, { stores, recursive, signal })
  return images.map((image) => ({
    name: image.name,
    pinned: image.pinned,
    digest: image.descriptor.digest,
    store: image.store,
  }))
}

async function findAttached(
  { store, digest }: ImageToVerify,
  job: VerificationJob,
  { signal, report }: ArtifactWorld,
): Promise<FoundAttachments & { readonly logProofs?: readonly FoundProof[] }> {
  const place = await placeBundle(job.bundle, undefined, digestStem(digest))
  if (place !== undefined) {
    const logProofs = await readProofBeside(place.path)
    return { attached: await readBundles(place), unreadable: [], logProofs }
  }
  if (store === undefined) throw new TypeError('an image with neither bundle nor store')
  const { format = 'auto', maxAttached, policy } = job
  const { predicateTypes } = policy
  return readAttachments({ store, digest, format, predicateTypes, maxAttached, report, signal })
}

/** "Nothing is signed" is only said of an image that is there. */
async function assertThere(
  { store, digest }: ImageToVerify,
  { signal }: ArtifactWorld,
): Promise<void> {
  await store?.resolve({ digest }, { signal })
}
