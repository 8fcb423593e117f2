/**
 * An OCI image layout on disk as an {@link ArtifactStore}: what skopeo, buildx, crane and oras write.
 * Its content is untrusted: every blob is checked.
 *
 * @packageDocumentation
 */
import { type Digest, digestOf } from '../crypto/digest.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import { normalizeImageName, serializeImageReference } from '../formats/image-reference.ts'
import { type JsonObject, parseJson, readObject } from '../formats/json.ts'
import {
  type Descriptor,
  invalidManifest,
  serializeDescriptor,
  toListed,
} from '../formats/oci-descriptor.ts'
import {
  type AddressedDescriptor,
  describeManifest,
  indexEntries,
  isIndexType,
  isManifestType,
  type ManifestKind,
  MAX_MANIFEST_BYTES,
  OCI_MANIFEST,
  parseManifestKind,
  serializeIndex,
} from '../formats/oci-manifest.ts'
import { createReferrerManifest, EMPTY_CONFIG } from '../formats/oci-referrer.ts'
import type {
  AttachedManifest,
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
import { checkable, readReferrersTag, reportSkipped } from './fallback-tag.ts'
import { LayoutFiles } from './layout-files.ts'
import { isWanted } from './referrers-api.ts'
import type { Runtime } from '../basics/runtime.ts'

const REF_NAME = 'org.opencontainers.image.ref.name'
/** Where buildx and containerd write the whole name of an image. */
const CONTAINERD_NAME = 'io.containerd.image.name'
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
    const named = digest ?? (tag === undefined ? await this.#onlyImage() : await this.#named(tag))
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
    { artifactType, report }: ReferrersOptions = {},
  ): Promise<readonly AddressedDescriptor[]> {
    const found = new Map<Digest, AddressedDescriptor>()
    const { manifests, failures } = await this.#listed(report)
    const tagged = await readReferrersTag(this, subject, { report }).catch((thrown: unknown) => {
      failures.push(toCountersignError(thrown))
      return []
    })
    for (const one of tagged) found.set(one.digest, one)
    for (const one of manifests) {
      if (one.subject === subject) found.set(one.digest, describeListed(one))
    }
    // "Nothing is attached" cannot be said while something that may be attached is unreadable.
    if (found.size === 0 && failures[0] !== undefined) throw failures[0]
    return [...found.values()].filter((one) => isWanted(one, artifactType))
  }

  async attach(request: AttachRequest): Promise<AttachedManifest> {
    const { subject, artifactType, content, annotations, report } = request
    await this.#files.writeBlob(EMPTY_CONFIG)
    const layer = await this.writeBlob(content, artifactType)
    const bytes = createReferrerManifest({ subject, artifactType, layer, annotations })
    const entry = describeManifest(bytes, OCI_MANIFEST)
    await this.#files.writeBlob(bytes)
    await this.#files.updateIndex((index) => {
      reportSkipped(index.skipped, `index.json of ${this.location}`, report)
      const entries = indexEntries(index).filter((one) => one['digest'] !== entry.digest)
      return serializeIndex([...entries, serializeDescriptor(entry)], index.json)
    })
    return { digest: entry.digest, listedBy: 'layout' }
  }

  async readTag(tag: string): Promise<TaggedManifest | undefined> {
    const digest = await this.#tagged(tag)
    return digest === undefined ? undefined : this.readManifest(digest)
  }

  /** Certain: index.json is not written between reading and replacing it. */
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
      const isTagged = (entry: JsonObject): boolean =>
        toListed(entry)?.annotations?.[REF_NAME] === tag
      const entries = indexEntries(index)
      const current = entries.find(isTagged)
      if ((current && toListed(current)?.digest) !== before) return undefined
      const others = entries.filter((entry) => !isTagged(entry))
      return serializeIndex([...others, next], index.json)
    })
    return isMoved ? 'moved' : 'beaten'
  }

  async writeBlob(bytes: Uint8Array, mediaType: string): Promise<AddressedDescriptor> {
    return { mediaType, digest: await this.#files.writeBlob(bytes), size: bytes.length }
  }

  /** The one image whose tag or whole name is this, else the one whose whole name ends with it. */
  async #named(tag: string): Promise<Digest | undefined> {
    return (await this.#tagged(tag)) ?? (await this.#one(tag, (entry) => isNamed(entry, tag)))
  }

  #tagged(tag: string): Promise<Digest | undefined> {
    return this.#one(tag, ({ annotations }) => annotations?.[REF_NAME] === tag)
  }

  async #one(tag: string, isIt: (entry: Descriptor) => boolean): Promise<Digest | undefined> {
    const { manifests } = await this.#files.readIndex()
    const named = checkable(manifests).filter(isIt)
    const [digest, ...others] = new Set(named.map((one) => one.digest))
    if (others.length === 0) return digest
    throw this.#ambiguous(`several images of ${this.location} have the name "${tag}"`, named)
  }

  async #onlyImage(): Promise<Digest> {
    const { manifests, failures } = await this.#listed()
    const images = manifests.filter(
      ({ subject, tag }) => subject === undefined && !COMPANION_TAG.test(tag ?? ''),
    )
    const [digest, ...others] = new Set(images.map((one) => one.digest))
    if (digest === undefined) throw failures[0] ?? this.#noTag('')
    if (others.length === 0) return digest
    throw this.#ambiguous(`${this.location} holds several images`, images)
  }

  /** The manifests and indexes that index.json lists and the layout holds, and why others are not read. */
  async #listed(report?: (note: string) => void): Promise<Listing> {
    const { manifests, skipped } = await this.#files.readIndex()
    reportSkipped(skipped, `index.json of ${this.location}`, report)
    const found: Listed[] = []
    const failures: CountersignError[] = []
    for (const { mediaType, digest, annotations } of checkable(manifests)) {
      if (!isIndexType(mediaType) && !isManifestType(mediaType)) continue
      try {
        const bytes = await this.#files.readBlob(digest, MAX_MANIFEST_BYTES)
        const kind = parseManifestKind(bytes)
        found.push({ ...kind, digest, bytes, tag: annotations?.[REF_NAME] })
      } catch (thrown) {
        const error = toCountersignError(thrown)
        report?.(`skipped ${digest} of ${this.location}: ${error.message}`)
        // A layout may list what it does not hold (image-layout.md, "sparse").
        if (error.code !== 'ERR_ARTIFACT_NOT_FOUND' && !isForeign(error)) failures.push(error)
      }
    }
    return { manifests: found, failures }
  }

  #noTag(tag: string): CountersignError {
    const what = tag === '' ? 'no image' : `no image with the name "${tag}"`
    return new CountersignError('ERR_ARTIFACT_NOT_FOUND', `${this.location} holds ${what}`, {
      hint: 'see index.json for what is there',
    })
  }

  #ambiguous(what: string, images: readonly { digest: Digest }[]): CountersignError {
    const choices = images.slice(0, 5).map(({ digest }) => digest)
    return new CountersignError('ERR_REFERENCE_INVALID', what, {
      hint: `name one by its whole name (:registry/name:tag) or by digest: @${choices.join(', @')}`,
    })
  }
}

interface Listed extends ManifestKind {
  readonly digest: Digest
  readonly bytes: Uint8Array
  readonly tag: string | undefined
}

interface Listing {
  readonly manifests: readonly Listed[]
  readonly failures: CountersignError[]
}

/** Whole content that is not a manifest of ours. */
function isForeign({ code }: CountersignError): boolean {
  return code === 'ERR_MANIFEST_INVALID' || code === 'ERR_JSON_INVALID'
}

/** As an index lists it; of a malformed manifest of others nothing but type and digest. */
function describeListed({ bytes, mediaType, digest }: Listed): AddressedDescriptor {
  try {
    return describeManifest(bytes, mediaType)
  } catch {
    return { mediaType, digest, size: bytes.length }
  }
}

/** skopeo and podman write the name a user gave, a tag or a whole name; buildx writes both, apart. */
function isNamed({ annotations = {} }: Descriptor, wanted: string): boolean {
  const names = [annotations[REF_NAME], annotations[CONTAINERD_NAME]]
  const whole = wanted.includes('/') ? wholeName(wanted) : undefined
  return names.some((name) => {
    if (name === undefined) return false
    return whole === undefined ? name.endsWith(`:${wanted}`) : wholeName(name) === whole
  })
}

/** A name with what Docker leaves out; undefined for foreign text that is not a name. */
function wholeName(text: string): string | undefined {
  try {
    return serializeImageReference(normalizeImageName(text))
  } catch {
    return undefined
  }
}
