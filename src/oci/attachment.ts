/** Reading what is attached to an image, from any store. */
import type { Digest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { type Annotations, invalidManifest } from '../formats/oci-descriptor.ts'
import { type AddressedDescriptor, parseImageManifest } from '../formats/oci-manifest.ts'
import type { ArtifactStore, CallOptions } from './artifact-store.ts'

/** An artifact of one blob, as bundles are. */
export interface Attachment {
  readonly artifactType: string
  /** Media type of the blob. */
  readonly mediaType: string
  readonly annotations: Annotations
  readonly content: Uint8Array
}

/** What to read: a referrer as it was listed, and the subject it was listed for. */
export interface AttachmentRequest extends CallOptions {
  readonly subject: Digest
  readonly referrer: AddressedDescriptor
}

/**
 * Reads one referrer: two requests. Guarantees that it names the subject it was listed for, and that
 * its content is what its manifest says; who made it is for verification to tell.
 *
 * @throws {@link CountersignError} ERR_SUBJECT_MISMATCH — it belongs to another subject;
 * ERR_MANIFEST_INVALID — not a manifest with one layer; and the store's errors
 */
export async function readAttachment(
  store: ArtifactStore,
  { subject, referrer, signal }: AttachmentRequest,
): Promise<Attachment> {
  const { bytes } = await store.readManifest(referrer.digest, { signal })
  const manifest = parseImageManifest(bytes)
  const [layer, ...more] = manifest.layers
  if (layer === undefined || more.length > 0) throw invalidManifest('an artifact of several layers')
  if (manifest.subject?.digest !== subject) {
    throw new CountersignError(
      'ERR_SUBJECT_MISMATCH',
      `${store.location} lists ${referrer.digest} for ${subject}, to which it is not attached`,
      { details: { subject, referrer: referrer.digest } },
    )
  }
  return {
    artifactType: manifest.artifactType ?? manifest.config.mediaType,
    mediaType: layer.mediaType,
    annotations: manifest.annotations,
    content: await store.readBlob(layer, { signal }),
  }
}
