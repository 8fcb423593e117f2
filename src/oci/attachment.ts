/** Reading what is attached to an image, from any store. */
import type { Digest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { type Annotations, invalidManifest } from '../formats/oci-descriptor.ts'
import {
  type AddressedDescriptor,
  type ImageManifest,
  parseImageManifest,
} from '../formats/oci-manifest.ts'
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

/** What an artifact is, by its own manifest: a manifest without type is of its configuration's. */
export function artifactTypeOf({ artifactType, config }: ImageManifest): string {
  return artifactType ?? config.mediaType
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
  request: AttachmentRequest,
): Promise<Attachment> {
  const { bytes } = await store.readManifest(request.referrer.digest, { signal: request.signal })
  return readAttachedArtifact(store, parseImageManifest(bytes), request)
}

/** Reads the artifact of a manifest that was read already, as {@link readAttachment} does. */
export async function readAttachedArtifact(
  store: ArtifactStore,
  manifest: ImageManifest,
  request: AttachmentRequest,
): Promise<Attachment> {
  const [layer, ...more] = manifest.layers
  if (layer === undefined || more.length > 0) throw invalidManifest('an artifact of several layers')
  assertAttached(manifest, request, store.location)
  return {
    artifactType: artifactTypeOf(manifest),
    mediaType: layer.mediaType,
    annotations: manifest.annotations,
    content: await store.readBlob(layer, { signal: request.signal }),
  }
}

/**
 * Guarantees that a manifest names the subject it was listed for.
 *
 * @throws {@link CountersignError} ERR_SUBJECT_MISMATCH
 */
export function assertAttached(
  manifest: ImageManifest,
  { subject, referrer }: AttachmentRequest,
  location: string,
): void {
  if (manifest.subject?.digest === subject) return
  throw new CountersignError(
    'ERR_SUBJECT_MISMATCH',
    `${location} lists ${referrer.digest} for ${subject}, to which it is not attached`,
    { details: { subject, referrer: referrer.digest } },
  )
}
