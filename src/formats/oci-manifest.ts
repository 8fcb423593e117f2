/**
 * OCI image manifests and image indexes (image-spec v1.1; Docker's schema 2 has the same shape).
 * Every byte parsed here comes from a registry or a layout and may be attacker-controlled.
 *
 * @packageDocumentation
 */
import { type Digest, digestOf } from '../crypto/digest.ts'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type ObjectReader,
  parseJson,
  readObject,
} from './json.ts'
import {
  type Annotations,
  type Descriptor,
  invalidManifest,
  toAnnotations,
  toDescriptor,
  toListed,
  toListedAnnotations,
  toListedType,
  toMediaType,
} from './oci-descriptor.ts'

/** Media type of an OCI image manifest. */
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
/** Media type of an OCI image index. */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
/** Media type of a Docker schema 2 manifest. */
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
/** Media type of a Docker manifest list. */
export const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json'

/** Largest manifest or index read, in bytes: the size every registry must accept. */
export const MAX_MANIFEST_BYTES: number = 4 * 1024 * 1024

/** An image manifest, or the manifest of an artifact. */
export interface ImageManifest {
  readonly mediaType: string | undefined
  readonly artifactType: string | undefined
  readonly config: Descriptor
  /** At least one. */
  readonly layers: readonly Descriptor[]
  readonly subject: Descriptor | undefined
  readonly annotations: Annotations
  /** The document as it stands, so that a changed copy keeps members unknown here. */
  readonly json: JsonObject
}

/** An image index or Docker manifest list. */
export interface ImageIndex {
  readonly mediaType: string | undefined
  readonly artifactType: string | undefined
  /** The entries that have a digest; what else is malformed of one reads as absent. */
  readonly manifests: readonly Descriptor[]
  /** How many entries have none, and so name nothing. */
  readonly skipped: number
  readonly subject: Descriptor | undefined
  readonly annotations: Annotations
  /** The document as it stands, so that a changed copy keeps members unknown here. */
  readonly json: JsonObject
}

/** Whether a media type is that of an index, OCI's or Docker's. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_INDEX
}

/** Whether a media type is that of an image manifest, OCI's or Docker's. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST
}

/**
 * Parses an image manifest. A document that could also be read as an index is refused, so that its
 * media type can't change what it means.
 *
 * @throws {@link CountersignError} ERR_MANIFEST_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE — not one
 */
export function parseImageManifest(bytes: Uint8Array): ImageManifest {
  const reader = readDocument(bytes, isManifestType)
  if (reader.value('manifests') !== undefined) throw invalidManifest('a manifest with manifests')
  const layers = reader.objects('layers').map(toDescriptor)
  if (layers.length === 0) throw invalidManifest('a manifest without layers')
  return {
    mediaType: reader.optionalText('mediaType'),
    artifactType: toMediaType(reader, 'artifactType'),
    config: toDescriptor(reader.object('config')),
    layers,
    subject: toSubject(reader),
    annotations: toAnnotations(reader) ?? {},
    json: reader.json,
  }
}

/**
 * Parses an image index. A document that could also be read as a manifest is refused. Entries may be of
 * others: a malformed one is left out and counted, or kept without its malformed members.
 *
 * @throws {@link CountersignError} ERR_MANIFEST_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE — not one
 */
export function parseImageIndex(bytes: Uint8Array): ImageIndex {
  const reader = readDocument(bytes, isIndexType)
  if (reader.value('layers') !== undefined || reader.value('config') !== undefined) {
    throw invalidManifest('an index with layers')
  }
  const entries = toEntries(reader)
  const manifests = entries.flatMap((entry) => toListed(entry) ?? [])
  const annotations = reader.value('annotations')
  return {
    mediaType: reader.optionalText('mediaType'),
    artifactType: toListedType(reader.value('artifactType')),
    manifests,
    skipped: entries.length - manifests.length,
    subject: toSubject(reader),
    annotations: isJsonObject(annotations) ? toListedAnnotations(annotations) : {},
    json: reader.json,
  }
}

/** Go writes null for a list without entries, and registries in Go answer it; absent is malformed. */
function toEntries({ json }: ObjectReader): readonly JsonValue[] {
  const entries = json['manifests']
  if (entries === null) return []
  if (Array.isArray(entries)) return entries.map((entry: JsonValue) => entry)
  throw invalidManifest('an index without a list of manifests')
}

/** Members that decide what a document is. */
const MEANINGFUL = /^(?:schemaVersion|mediaType|config|layers|manifests|subject)$/
/** As Go folds letters: `u` counts the long s and the Kelvin sign too. */
const MEANINGFUL_ANY_CASE = new RegExp(MEANINGFUL.source, 'iu')

function readDocument(bytes: Uint8Array, isType: (mediaType: string) => boolean): ObjectReader {
  const reader = readObject(parseJson(bytes, { maxBytes: MAX_MANIFEST_BYTES }), invalidManifest)
  if (reader.value('schemaVersion') !== 2) throw invalidManifest('schemaVersion is not 2')
  const mediaType = reader.optionalText('mediaType')
  if (mediaType !== undefined && !isType(mediaType))
    throw invalidManifest('mediaType of something else')
  // Runtimes in Go read a member whatever the case of its letters: the document would mean two things.
  if (reader.names.some((name) => MEANINGFUL_ANY_CASE.test(name) && !MEANINGFUL.test(name)))
    throw invalidManifest('a member in another case of letters')
  return reader
}

function toSubject(reader: ObjectReader): Descriptor | undefined {
  const subject = reader.optionalObject('subject')
  return subject && toDescriptor(subject)
}

/** Content that is addressed by the digest of its bytes. */
export type AddressedDescriptor = Descriptor & { readonly digest: Digest }

/** How a manifest or index is listed in an index: by its bytes, with artifact type and annotations. */
export function describeManifest(bytes: Uint8Array, mediaType: string): AddressedDescriptor {
  const { artifactType, annotations } = isIndexType(mediaType)
    ? parseImageIndex(bytes)
    : withArtifactType(parseImageManifest(bytes))
  return {
    mediaType,
    size: bytes.length,
    digest: digestOf(bytes),
    annotations: Object.keys(annotations).length === 0 ? undefined : annotations,
    artifactType,
  }
}

/** A manifest without artifact type is of its configuration's type (distribution-spec, referrers). */
function withArtifactType(manifest: ImageManifest): ImageManifest {
  return { ...manifest, artifactType: manifest.artifactType ?? manifest.config.mediaType }
}

/** Writes an index: a copy of the given document, or a new one, with these entries. */
export function serializeIndex(entries: readonly JsonObject[], document?: JsonObject): Uint8Array {
  const start = document ?? { schemaVersion: 2, mediaType: OCI_INDEX }
  return Buffer.from(JSON.stringify({ ...start, manifests: entries }))
}

/** The entries of an index as they stand, members unknown here included. */
export function indexEntries({ json }: ImageIndex): readonly JsonObject[] {
  return objectsOf(json['manifests'])
}

/** The layers of a manifest as they stand, members unknown here included. */
export function manifestLayers({ json }: ImageManifest): readonly JsonObject[] {
  return objectsOf(json['layers'])
}

function objectsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** What is common to a manifest and an index. */
export interface ManifestKind {
  readonly mediaType: string
  /** Digest of the subject, where it has one. */
  readonly subject: string | undefined
}

/**
 * Tells by a document alone what it is, and what it is attached to; the rest of it is not looked at. Its
 * members must agree with its `mediaType`, so that no reader can take it for the other kind.
 *
 * @throws {@link CountersignError} ERR_MANIFEST_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE — neither
 * manifest nor index
 */
export function parseManifestKind(bytes: Uint8Array): ManifestKind {
  const reader = readDocument(bytes, (type) => isManifestType(type) || isIndexType(type))
  const has = (name: string): boolean => Object.hasOwn(reader.json, name)
  const isIndex = has('manifests')
  if (isIndex === has('layers') || (isIndex && has('config'))) {
    throw invalidManifest('neither a manifest nor an index, or both')
  }
  const mediaType = reader.optionalText('mediaType') ?? (isIndex ? OCI_INDEX : OCI_MANIFEST)
  if (isIndex !== isIndexType(mediaType)) throw invalidManifest('mediaType of something else')
  return {
    mediaType,
    subject: toSubject(reader)?.digest,
  }
}
