/** Verifying one image of a command line, in a registry or a layout. */
import type { Digest } from '../src/crypto/digest.ts'
import { toCountersignError } from '../src/errors.ts'
import type { OciStore } from '../src/oci/artifact-store.ts'
import { type FoundAttachments, readAttachments } from '../src/oci/attachments.ts'
import { verifyAttachments } from '../src/artifacts/verify-attachments.ts'
import { digestArtifact } from '../src/verification/artifact.ts'
import { placeBundle, readBundles } from './bundle-files.ts'
import { imageStem, openImages, pinReference } from './images.ts'
import { mapInOrder } from '../src/in-order.ts'
import type { CommandEnvironment } from './command.ts'
import type { ImageTarget } from '../src/artifacts/named-artifact.ts'
import {
  refused,
  toVerified,
  type VerificationJob,
  type VerifiedTarget,
} from './verified-target.ts'

interface NamedImage {
  readonly name: string
  readonly pinned: string
  readonly digest: Digest
  /** Absent where nothing of the store is needed. */
  readonly store: OciStore | undefined
}

const AT_ONCE = 4

/** Verifies an image; with `recursive`, also each one inside an index. */
export async function verifyImage(
  target: ImageTarget,
  job: VerificationJob,
  environment: CommandEnvironment,
): Promise<readonly VerifiedTarget[]> {
  const images = await nameImages(target, job, environment)
  return mapInOrder(images, AT_ONCE, (image) =>
    verifyOne(image, job, environment).catch((thrown: unknown) =>
      refused(image.name, toCountersignError(thrown), image),
    ),
  )
}

async function verifyOne(
  image: NamedImage,
  job: VerificationJob,
  environment: CommandEnvironment,
): Promise<VerifiedTarget> {
  const artifact = digestArtifact(image.name, [image.digest])
  const found = await findAttached(image, job, environment)
  const verdict = await verifyAttachments(artifact, found, job)
  if (found.attached.length === 0) await assertThere(image, environment)
  return toVerified(artifact, verdict, image)
}

/** A digest is enough to ask for what is attached to it: only a tag has to be resolved. */
async function nameImages(
  target: ImageTarget,
  job: VerificationJob,
  { context }: CommandEnvironment,
): Promise<readonly NamedImage[]> {
  const { name, reference } = target
  const { stores, recursive = false } = job
  const { digest } = reference
  if (digest !== undefined && !recursive) {
    const store = job.bundle === undefined ? await stores.open(reference) : undefined
    return [{ name, pinned: pinReference(reference, digest), digest, store }]
  }
  const images = await openImages(target, { stores, recursive, signal: context.signal })
  return images.map((image) => ({
    name: image.name,
    pinned: image.pinned,
    digest: image.descriptor.digest,
    store: image.store,
  }))
}

async function findAttached(
  { store, digest }: NamedImage,
  job: VerificationJob,
  { context, terminal }: CommandEnvironment,
): Promise<FoundAttachments> {
  const place = await placeBundle(job.bundle, undefined, imageStem(digest))
  if (place !== undefined) return { attached: await readBundles(place), unreadable: [] }
  if (store === undefined) throw new TypeError('an image with neither bundle nor store')
  const { format = 'auto', maxAttached, policy } = job
  const { predicateTypes } = policy
  const { signal } = context
  const report = (note: string): void => {
    terminal.detail(note)
  }
  return readAttachments({ store, digest, format, predicateTypes, maxAttached, report, signal })
}

/** "Nothing is signed" is only said of an image that is there. */
async function assertThere(
  { store, digest }: NamedImage,
  { context }: CommandEnvironment,
): Promise<void> {
  await store?.resolve({ digest }, { signal: context.signal })
}
