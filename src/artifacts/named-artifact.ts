/**
 * What people name: an image, or content on this machine; and where a bundle of it lies.
 *
 * @packageDocumentation
 */
import { basename } from 'node:path'
import type { Digest } from '../crypto/digest.ts'
import {
  type LayoutArtifact,
  parseArtifactReference,
  type RegistryArtifact,
} from '../formats/artifact-reference.ts'

/** An image or index, in a registry or a layout. */
export interface NamedImage {
  readonly kind: 'image'
  readonly name: string
  readonly reference: RegistryArtifact | LayoutArtifact
}

/** Content on this machine, or digests of content that is elsewhere. `name` is what the user wrote. */
export type NamedContent =
  | {
      readonly kind: 'file'
      readonly name: string
      readonly path: string
      /** What a checksum file says of it; its content must have these digests. */
      readonly listed?: readonly Digest[]
      readonly isElsewhere?: boolean
    }
  | { readonly kind: 'stdin'; readonly name: string }
  | {
      readonly kind: 'digests'
      readonly name: string
      readonly digests: readonly Digest[]
      /** Where the file would be, of a name in a checksum file. */
      readonly path?: string
      /** Neither in the current folder nor in that of the list, which chooses no other place for bundles. */
      readonly isElsewhere?: boolean
    }

/** One artifact that is named. */
export type NamedArtifact = NamedImage | NamedContent

/**
 * Parses the name of an artifact: a path, an image, a digest, or `-`.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID
 */
export function parseNamedArtifact(name: string): NamedArtifact {
  const reference = parseArtifactReference(name)
  switch (reference.kind) {
    case 'registry':
    case 'layout':
      return { kind: 'image', name, reference }
    case 'digest':
      return { kind: 'digests', name, digests: [reference.digest] }
    case 'stdin':
      return { kind: 'stdin', name }
    case 'file':
      return { kind: 'file', name, path: reference.path }
  }
}

/**
 * Parses the name of an image; the scheme of one in a registry may be left out.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID
 */
export function parseImage(name: string): NamedImage {
  const hasScheme = /^oci(-layout)?:\/\//.test(name)
  const named = parseNamedArtifact(hasScheme ? name : `oci://${name}`)
  if (named.kind !== 'image') throw new TypeError(`"${name}" does not name an image`)
  return { ...named, name }
}

/** The file that content is, or would be. */
export function contentPath(content: NamedContent): string | undefined {
  return content.kind === 'stdin' ? undefined : content.path
}

/** The file beside which the bundle of content lies; undefined where none can be trusted. */
export function besidePath(content: NamedContent): string | undefined {
  const isElsewhere = content.kind !== 'stdin' && content.isElsewhere === true
  return isElsewhere ? undefined : contentPath(content)
}

/** Why content has no bundle beside it. */
export function describeNoPlace(content: NamedContent): string {
  return contentPath(content) === undefined
    ? `"${content.name}" is not a file`
    : `"${content.name}" is outside of the current folder and of that of the list`
}

/** What the bundle of content is called in a folder of bundles. */
export function bundleStem(content: NamedContent): string {
  const path = contentPath(content)
  if (path !== undefined) return basename(path)
  return content.kind === 'stdin' ? 'stdin' : digestStem(content.name)
}

/** What the bundle of an image, or of a digest alone, is called in a folder of bundles. */
export function digestStem(digest: string): string {
  return digest.replace(':', '-')
}
