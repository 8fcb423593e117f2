/** Images inside an index, for work that is done on all of them (`--recursive`). */
import {
  type AddressedDescriptor,
  isIndexType,
  isManifestType,
  parseImageIndex,
} from '../formats/oci-manifest.ts'
import { CountersignError } from '../errors.ts'
import { invalidManifest } from '../formats/oci-descriptor.ts'
import { mapConcurrent } from '../basics/map-concurrent.ts'
import type { ArtifactStore, CallOptions } from './artifact-store.ts'
import { assertContent, checkableDigest } from './checked-content.ts'

const MAX_DEPTH = 8
const MAX_IMAGES = 1000
const AT_ONCE = 8

/**
 * Lists an image or index and all that is inside it, at any depth: parents before children, each digest
 * once. What each of them is, its own verified bytes say: the word of a registry, or of the index that
 * lists it, could hide an index, and with it all its images.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — over 1000 images; ERR_MANIFEST_INVALID — nested
 * deeper than 8, an entry whose digest cannot be checked, or one that is another kind than it is listed
 * as; ERR_DIGEST_MISMATCH; and the store's errors
 */
export async function listImages(
  store: ArtifactStore,
  { digest }: AddressedDescriptor,
  options: CallOptions = {},
): Promise<readonly AddressedDescriptor[]> {
  const { bytes, mediaType } = await store.readManifest(digest, options)
  const root = { mediaType, digest, size: bytes.length }
  const found = new Map<string, AddressedDescriptor>([[digest, root]])
  let level = childrenOf(bytes, mediaType)
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw invalidManifest(`indexes nested deeper than ${MAX_DEPTH}`)
    const added = level.filter((child) => !found.has(child.digest))
    for (const child of added) found.set(child.digest, child)
    if (found.size > MAX_IMAGES) throw tooMany(store.location)
    const inside = await mapConcurrent(added, AT_ONCE, (child) =>
      readChildren(store, child, options),
    )
    level = inside.flat()
  }
  return [...found.values()]
}

async function readChildren(
  store: ArtifactStore,
  listed: AddressedDescriptor,
  options: CallOptions,
): Promise<readonly AddressedDescriptor[]> {
  const { bytes, mediaType } = await store.readManifest(listed.digest, options)
  assertContent(bytes, listed, store.location)
  // Docker's types and OCI's name the same two kinds; only the kind could hide an index.
  const isSameKind =
    isIndexType(mediaType) === isIndexType(listed.mediaType) &&
    isManifestType(mediaType) === isManifestType(listed.mediaType)
  if (isSameKind) return childrenOf(bytes, mediaType)
  throw invalidManifest('an index lists an entry as another kind than it is')
}

function childrenOf(bytes: Uint8Array, mediaType: string): readonly AddressedDescriptor[] {
  if (!isIndexType(mediaType)) return []
  const { manifests, skipped } = parseImageIndex(bytes)
  if (skipped > 0) throw invalidManifest('an index with an entry without a digest')
  return manifests.map((child) => ({
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
