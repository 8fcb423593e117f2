/**
 * An OCI image layout on disk as an {@link ArtifactStore}: what skopeo, buildx, crane and oras write.
 * Its content may come from anybody: every blob is checked.
 *
 * @packageDocumentation
 */
import { type Digest, digestOf } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { parseJson, readObject } from '../formats/json.ts'
import { type Descriptor, invalidManifest, serializeDescriptor } from '../formats/oci-descriptor.ts'
import {
  type AddressedDescriptor,
  describeManifest,
  indexEntries,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  OCI_MANIFEST,
  parseManifestKind,
  serializeIndex,
} from '../formats/oci-manifest.ts'
import { createReferrerManifest, EMPTY_CONFIG } from '../formats/oci-referrer.ts'
import type {
  Attached,
  AttachRequest,
  CallOptions,
  OciStore,
  ReferrersOptions,
  StoredManifest,
  StoreTarget,
  TaggedManifest,
  WriteOutcome,
} from './artifact-store.ts'
import { assertContent, checkableDigest, MAX_BLOB_BYTES } from './checked-content.ts'
import { checkable, readReferrersTag } from './fallback-tag.ts'
import { LayoutFiles } from './layout-files.ts'
import { isWanted } from './referrers-api.ts'
import type { Runtime } from './runtime.ts'

const REF_NAME = 'org.opencontainers.image.ref.name'
/** Tags that list referrers or hold signatures, and so name no image. */
const COMPANION_TAG = /^sha(?:256|384|512)-[0-9a-f]{64,128}(?:\.\w+)?$/

/**
 * Opens the layout in a directory.
 *
 * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND — no such directory, or no layout in it;
 * ERR_MANIFEST_INVALID — of an unknown version
 */
export async function openImageLayout(
  directory: string,
  runtime: Pick<Runtime, 'pause' | 'random'>,
): Promise<OciStore> {
  const files = new LayoutFiles(directory, runtime)
  const marker = readObject(parseJson(await files.read('oci-layout', 4096)), invalidManifest)
  if (marker.text('imageLayoutVersion') !== '1.0.0') {
    throw invalidManifest('an image layout of another version than 1.0.0')
  }
  return new ImageLayout(files)
}

class ImageLayout implements OciStore {
  readonly location: string
  readonly #files: LayoutFiles

  constructor(files: LayoutFiles) {
    this.#files = files
    this.location = files.directory
  }

  async resolve({ tag, digest }: StoreTarget): Promise<AddressedDescriptor> {
    const named = digest ?? (tag === undefined ? await this.#onlyImage() : await this.#tagged(tag))
    if (named === undefined) throw this.#noTag(tag ?? '')
    const { mediaType, bytes } = await this.readManifest(named)
    return { mediaType, digest: named, size: bytes.length }
  }

  async readManifest(digest: Digest): Promise<StoredManifest> {
    const bytes = await this.#files.readBlob(digest, MAX_MANIFEST_BYTES)
    return { mediaType: parseManifestKind(bytes).mediaType, digest, bytes }
  }

  async readBlob(descriptor: Descriptor): Promise<Uint8Array> {
    const digest = checkableDigest(descriptor, MAX_BLOB_BYTES)
    const bytes = await this.#files.readBlob(digest, MAX_BLOB_BYTES)
    assertContent(bytes, descriptor, this.location)
    return bytes
  }

  /** Looks at every manifest of index.json, and at the list other tools keep at the fallback tag. */
  async referrers(
    subject: Digest,
    { artifactType }: ReferrersOptions = {},
  ): Promise<readonly AddressedDescriptor[]> {
    const found = new Map<Digest, AddressedDescriptor>()
    for (const one of await readReferrersTag(this, subject)) found.set(one.digest, one)
    for (const { digest, subject: of } of await this.#listed()) {
      if (of !== subject) continue
      const { bytes, mediaType } = await this.readManifest(digest)
      found.set(digest, describeManifest(bytes, mediaType))
    }
    return [...found.values()].filter((one) => isWanted(one, artifactType))
  }

  async attach(request: AttachRequest): Promise<Attached> {
    const { subject, artifactType, content, annotations } = request
    await this.#files.writeBlob(EMPTY_CONFIG)
    const layer = await this.writeBlob(content, artifactType)
    const bytes = createReferrerManifest({ subject, artifactType, layer, annotations })
    const entry = describeManifest(bytes, OCI_MANIFEST)
    await this.#files.writeBlob(bytes)
    await this.#files.updateIndex((index) => {
      const entries = indexEntries(index).filter((one) => one['digest'] !== entry.digest)
      return serializeIndex([...entries, serializeDescriptor(entry)], index.json)
    })
    return { digest: entry.digest, listedBy: 'layout' }
  }

  async readTag(tag: string): Promise<TaggedManifest | undefined> {
    const digest = await this.#tagged(tag)
    return digest === undefined ? undefined : this.readManifest(digest)
  }

  /** Certain: nobody writes index.json between the look at it and its replacement. */
  async writeTag(
    tag: string,
    { mediaType, bytes }: TaggedManifest,
    { expected }: CallOptions & { expected: TaggedManifest | undefined },
  ): Promise<WriteOutcome> {
    const digest = await this.#files.writeBlob(bytes)
    const size = bytes.length
    const next = serializeDescriptor({ mediaType, digest, size, annotations: { [REF_NAME]: tag } })
    const before = expected && digestOf(expected.bytes)
    const isMoved = await this.#files.updateIndex((index) => {
      const isTagged = index.manifests.map((one) => one.annotations?.[REF_NAME] === tag)
      if (index.manifests[isTagged.indexOf(true)]?.digest !== before) return undefined
      const others = indexEntries(index).filter((_, at) => isTagged[at] !== true)
      return serializeIndex([...others, next], index.json)
    })
    return isMoved ? 'moved' : 'beaten'
  }

  async writeBlob(bytes: Uint8Array, mediaType: string): Promise<AddressedDescriptor> {
    return { mediaType, digest: await this.#files.writeBlob(bytes), size: bytes.length }
  }

  async #tagged(tag: string): Promise<Digest | undefined> {
    const { manifests } = await this.#files.readIndex()
    const named = checkable(manifests).filter((one) => one.annotations?.[REF_NAME] === tag)
    const [digest, ...others] = new Set(named.map((one) => one.digest))
    if (others.length === 0) return digest
    throw this.#ambiguous(`several images of ${this.location} have the tag "${tag}"`, named)
  }

  async #onlyImage(): Promise<Digest> {
    const images = (await this.#listed()).filter(
      ({ subject, tag }) => subject === undefined && !COMPANION_TAG.test(tag ?? ''),
    )
    const [digest, ...others] = new Set(images.map((one) => one.digest))
    if (digest === undefined) throw this.#noTag('')
    if (others.length === 0) return digest
    throw this.#ambiguous(`${this.location} holds several images`, images)
  }

  /** The manifests and indexes that index.json lists and the layout holds. */
  async #listed(): Promise<readonly Listed[]> {
    const { manifests } = await this.#files.readIndex()
    const found: Listed[] = []
    for (const { mediaType, digest, annotations } of checkable(manifests)) {
      if (!isIndexType(mediaType) && !isManifestType(mediaType)) continue
      const bytes = await this.#readIfThere(digest)
      if (bytes === undefined) continue
      const { subject } = parseManifestKind(bytes)
      found.push({ digest, subject, tag: annotations?.[REF_NAME] })
    }
    return found
  }

  async #readIfThere(digest: Digest): Promise<Uint8Array | undefined> {
    try {
      return await this.#files.readBlob(digest, MAX_MANIFEST_BYTES)
    } catch (error) {
      // A layout may list what it does not hold (image-layout.md, "sparse").
      if (CountersignError.is(error, 'ERR_ARTIFACT_NOT_FOUND')) return undefined
      throw error
    }
  }

  #noTag(tag: string): CountersignError {
    const what = tag === '' ? 'no image' : `no image with the tag "${tag}"`
    return new CountersignError('ERR_ARTIFACT_NOT_FOUND', `${this.location} holds ${what}`, {
      hint: 'see index.json for what is there',
    })
  }

  #ambiguous(what: string, images: readonly { digest: Digest }[]): CountersignError {
    const choices = images.slice(0, 5).map(({ digest }) => digest)
    return new CountersignError('ERR_REFERENCE_INVALID', what, {
      hint: `name one by digest: @${choices.join(', @')}`,
    })
  }
}

interface Listed {
  readonly digest: Digest
  readonly subject: string | undefined
  readonly tag: string | undefined
}
