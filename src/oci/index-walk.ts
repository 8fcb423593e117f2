/** Images inside an index, for work that is done on all of them (`--recursive`). */
import { type AddressedDescriptor, isIndexType, parseImageIndex } from '../formats/oci-manifest.ts'
import { CountersignError } from '../errors.ts'
import { invalidManifest } from '../formats/oci-descriptor.ts'
import type { ArtifactStore, CallOptions } from './artifact-store.ts'
import { checkableDigest } from './checked-content.ts'

const MAX_DEPTH = 8
const MAX_IMAGES = 1000

/**
 * Lists an image or index and all that is inside it, at any depth: parents before children, each digest
 * once. Reads indexes only; an image's manifest is known by the index that lists it.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — over 1000 images; ERR_MANIFEST_INVALID — nested
 * deeper than 8, an entry whose digest cannot be checked; and the store's errors
 */
export async function listImages(
  store: ArtifactStore,
  root: AddressedDescriptor,
  options: CallOptions = {},
): Promise<readonly AddressedDescriptor[]> {
  const found = new Map<string, AddressedDescriptor>([[root.digest, root]])
  let level: readonly AddressedDescriptor[] = [root]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw invalidManifest(`indexes nested deeper than ${MAX_DEPTH}`)
    const children: AddressedDescriptor[] = []
    for (const index of level.filter(({ mediaType }) => isIndexType(mediaType))) {
      children.push(...(await readChildren(store, index, options)))
    }
    level = children.filter(({ digest }) => !found.has(digest))
    for (const child of level) found.set(child.digest, child)
    if (found.size > MAX_IMAGES) throw tooMany(store.location)
  }
  return [...found.values()]
}

async function readChildren(
  store: ArtifactStore,
  index: AddressedDescriptor,
  options: CallOptions,
): Promise<readonly AddressedDescriptor[]> {
  const { bytes } = await store.readManifest(index.digest, options)
  return parseImageIndex(bytes).manifests.map((child) => ({
    ...child,
    digest: checkableDigest(child, Infinity),
  }))
}

function tooMany(location: string): CountersignError {
  return new CountersignError('ERR_INPUT_TOO_LARGE', `over ${MAX_IMAGES} images in ${location}`, {
    hint: 'name the images one by one',
    details: { maxImages: MAX_IMAGES },
  })
}
