/**
 * OCI content descriptors (image-spec v1.1, descriptor.md), as they stand in manifests and indexes.
 * Every one parsed here may be attacker-controlled.
 *
 * @packageDocumentation
 */
import { decodeBase64 } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type ObjectReader,
  readObject,
} from './json.ts'

/** Texts by name. */
export type Annotations = Readonly<Record<string, string>>

/** The machine an image is for. */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | undefined
}

/** Points to content by type, digest and size. */
export interface Descriptor {
  readonly mediaType: string
  /** Well formed, but perhaps of an algorithm that cannot be checked here. */
  readonly digest: string
  /** In bytes. */
  readonly size: number
  readonly artifactType?: string | undefined
  readonly annotations?: Annotations | undefined
  readonly platform?: Platform | undefined
}

const MEDIA_TYPE = /^[A-Za-z0-9][\w!#$&^.+-]{0,126}\/[A-Za-z0-9][\w!#$&^.+-]{0,126}$/
/** Longest artifact type that is kept of a list. */
const MAX_LISTED_TYPE = 255
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[\w=-]+$/

/** The one error of every OCI document; `why` never quotes the document. */
export function invalidManifest(why: string): CountersignError {
  return new CountersignError('ERR_MANIFEST_INVALID', `malformed OCI document: ${why}`)
}

/**
 * Parses one descriptor.
 *
 * @throws {@link CountersignError} ERR_MANIFEST_INVALID — not a descriptor
 */
export function parseDescriptor(json: JsonValue): Descriptor {
  return toDescriptor(readObject(json, invalidManifest, 'descriptor'))
}

/** Reads a descriptor inside a document. */
export function toDescriptor(reader: ObjectReader): Descriptor {
  const mediaType = toMediaType(reader, 'mediaType')
  if (mediaType === undefined) throw invalidManifest('a descriptor without mediaType')
  const digest = reader.text('digest')
  if (!isDigestLike(digest)) throw invalidManifest('a malformed digest')
  checkEmbedded(reader)
  return {
    mediaType,
    digest,
    size: toSize(reader.value('size')),
    artifactType: toMediaType(reader, 'artifactType'),
    annotations: toAnnotations(reader),
    platform: toPlatform(reader),
  }
}

/**
 * Reads an entry of a list, which others may have written: only its digest must be well formed. Any other
 * malformed member reads as absent, as unknown content or as no bytes, so that relying on it
 * fails, and an entry of others never hides ours. Undefined without a digest.
 */
export function toListed(entry: JsonValue): Descriptor | undefined {
  if (!isJsonObject(entry)) return undefined
  const { digest, size, mediaType, artifactType, annotations, platform } = entry
  if (typeof digest !== 'string' || !isDigestLike(digest)) return undefined
  const isMediaType = typeof mediaType === 'string' && MEDIA_TYPE.test(mediaType)
  return {
    mediaType: isMediaType ? mediaType : 'application/octet-stream',
    digest,
    size: isSize(size) ? size : 0,
    artifactType: toListedType(artifactType),
    annotations: isJsonObject(annotations) ? toListedAnnotations(annotations) : undefined,
    platform: isJsonObject(platform) ? toListedPlatform(platform) : undefined,
  }
}

/** An artifact type as it is listed: older tools write any word; an empty one counts as absent. */
export function toListedType(value: JsonValue | undefined): string | undefined {
  const isType = typeof value === 'string' && value !== '' && value.length <= MAX_LISTED_TYPE
  return isType ? value : undefined
}

/** The annotations that are texts. */
export function toListedAnnotations(annotations: JsonObject): Annotations {
  const isText = (entry: [string, JsonValue]): entry is [string, string] =>
    typeof entry[1] === 'string'
  return Object.fromEntries(Object.entries(annotations).filter(isText))
}

function toListedPlatform({ os, architecture, variant }: JsonObject): Platform | undefined {
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
  return { os, architecture, variant: typeof variant === 'string' ? variant : undefined }
}

function isDigestLike(digest: string): boolean {
  return digest.length <= 512 && DIGEST.test(digest)
}

function isSize(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function toSize(value: JsonValue | undefined): number {
  if (isSize(value)) return value
  throw invalidManifest('a size that is not a count of bytes')
}

/** Reads a media type that may be absent. */
export function toMediaType(reader: ObjectReader, name: string): string | undefined {
  const text = reader.optionalText(name)
  if (text === undefined || MEDIA_TYPE.test(text)) return text
  throw invalidManifest(`a malformed ${name}`)
}

/** Checks the members of a descriptor that are never used here: embedded content and addresses. */
function checkEmbedded(reader: ObjectReader): void {
  const embedded = reader.optionalText('data')
  if (embedded !== undefined && decodeBase64(embedded) === undefined) {
    throw invalidManifest('embedded content is not base64')
  }
  const urls = reader.value('urls') ?? []
  const isUrls = Array.isArray(urls) && urls.every((url: JsonValue) => typeof url === 'string')
  if (!isUrls) throw invalidManifest('urls are not texts')
}

/** Reads annotations that may be absent. */
export function toAnnotations(reader: ObjectReader): Annotations | undefined {
  const annotations = reader.optionalObject('annotations')
  return annotations && Object.fromEntries(Object.entries(annotations.json).map(toAnnotation))
}

function toAnnotation([name, value]: [string, JsonValue]): [string, string] {
  if (typeof value === 'string') return [name, value]
  throw invalidManifest('an annotation that is not a text')
}

function toPlatform(reader: ObjectReader): Platform | undefined {
  const platform = reader.optionalObject('platform')
  return (
    platform && {
      os: platform.text('os'),
      architecture: platform.text('architecture'),
      variant: platform.optionalText('variant'),
    }
  )
}

/** Writes a descriptor so that {@link parseDescriptor} reads it back. */
export function serializeDescriptor(descriptor: Descriptor): JsonObject {
  const { mediaType, size, digest, annotations, platform, artifactType } = descriptor
  return defined({
    mediaType,
    size,
    digest,
    annotations: annotations && sortAnnotations(annotations),
    platform:
      platform &&
      defined({
        architecture: platform.architecture,
        os: platform.os,
        variant: platform.variant,
      }),
    artifactType,
  })
}

/** Annotations in the order in which Go writes them. */
export function sortAnnotations(annotations: Annotations): JsonObject {
  const byCodeUnit = ([a]: [string, string], [b]: [string, string]): number => (a < b ? -1 : 1)
  return Object.fromEntries(Object.entries(annotations).sort(byCodeUnit))
}

function defined(members: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const isDefined = (entry: [string, JsonValue | undefined]): entry is [string, JsonValue] =>
    entry[1] !== undefined
  return Object.fromEntries(Object.entries(members).filter(isDefined))
}
