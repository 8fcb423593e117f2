/**
 * Images that are named, opened in their stores.
 *
 * @packageDocumentation
 */
import type { Digest } from '../crypto/digest.ts'
import { serializeArtifactReference } from '../formats/artifact-reference.ts'
import type { AddressedDescriptor } from '../formats/oci-manifest.ts'
import type { OciStore } from '../oci/artifact-store.ts'
import { listImages } from '../oci/index-walk.ts'
import type { ImageStores } from './image-stores.ts'
import type { NamedImage } from './named-artifact.ts'

/** An image or index that is there. */
export interface OpenImage {
  /** What the user called it; one inside an index, by its digest. */
  readonly name: string
  /** By its digest. */
  readonly pinned: string
  readonly store: OciStore
  readonly descriptor: AddressedDescriptor
  /** `registry/repository`; a layout has none. */
  readonly repository: string | undefined
}

/** How images are opened. */
export interface OpenImageOptions {
  readonly stores: ImageStores
  /** An index with everything inside it. */
  readonly recursive: boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens an image; a tag is resolved here, once. With `recursive`, also all that is inside an index.
 *
 * @throws {@link CountersignError} as {@link ImageStores.open}, and the errors of the store
 */
export async function openImages(
  { name, reference }: NamedImage,
  { stores, recursive, signal }: OpenImageOptions,
): Promise<readonly [OpenImage, ...OpenImage[]]> {
  const store = await stores.open(reference)
  const root = await store.resolve(reference, { signal })
  const repository =
    reference.kind === 'registry' ? `${reference.registry}/${reference.repository}` : undefined
  const open = (descriptor: AddressedDescriptor, called?: string): OpenImage => {
    const pinned = pinReference(reference, descriptor.digest)
    return { name: called ?? pinned, pinned, store, descriptor, repository }
  }
  const inside = recursive ? (await listImages(store, root, { signal })).slice(1) : []
  return [open(root, name), ...inside.map((descriptor) => open(descriptor))]
}

/** Names an image by its digest alone. */
export function pinReference(reference: NamedImage['reference'], digest: Digest): string {
  return serializeArtifactReference({ ...reference, tag: undefined, digest })
}
