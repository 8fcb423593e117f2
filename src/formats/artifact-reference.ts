/**
 * Artifact references: the forms of an ARTIFACT on every surface, parsed strictly into one union.
 *
 * | form | meaning |
 * |---|---|
 * | `oci://registry/repo@sha256:…`, `oci://registry/repo:tag` | image or index in a registry |
 * | `oci-layout://dir`, `…:tag`, `…:registry/repo:tag`, `…@sha256:…` | OCI image layout on disk |
 * | `sha256:…` (sha384, sha512) | a digest alone |
 * | `-` | standard input |
 * | anything else | a file's path |
 *
 * @packageDocumentation
 */
import { type Digest, parseDigest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import {
  isTag,
  normalizeImageName,
  parseImageReference,
  serializeImageReference,
} from './image-reference.ts'

/** An image or index in a registry, by tag, digest or both; with both, the digest decides. */
export interface RegistryArtifact {
  readonly kind: 'registry'
  /** `host[:port]`. */
  readonly registry: string
  readonly repository: string
  readonly tag?: string | undefined
  readonly digest?: Digest | undefined
}

/** An image or index in a layout on disk; with neither tag nor digest, its only image. */
export interface LayoutArtifact {
  readonly kind: 'layout'
  readonly directory: string
  /** A tag, or the whole name of an image, `registry/repository:tag`. */
  readonly tag?: string | undefined
  readonly digest?: Digest | undefined
}

/** A digest alone, of content that is elsewhere. */
export interface DigestArtifact {
  readonly kind: 'digest'
  readonly digest: Digest
}

/** Standard input, as a stream. */
export interface StdinArtifact {
  readonly kind: 'stdin'
}

/** A file on this machine. */
export interface FileArtifact {
  readonly kind: 'file'
  readonly path: string
}

/** What is signed, attested or verified. */
export type ArtifactReference =
  RegistryArtifact | LayoutArtifact | DigestArtifact | StdinArtifact | FileArtifact

const REGISTRY = 'oci://'
const LAYOUT = 'oci-layout://'
/** Longest name of an image in a layout. */
const MAX_NAME = 512

function invalid(text: string, why: string, hint: string): CountersignError {
  const shown = text.slice(0, 160)
  return new CountersignError('ERR_REFERENCE_INVALID', `not an artifact: "${shown}": ${why}`, {
    hint,
  })
}

/**
 * Parses an artifact reference.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — unknown scheme, malformed digest, or an image
 * with neither tag nor digest, or whose registry is not plain to see
 */
export function parseArtifactReference(text: string): ArtifactReference {
  if (text === '-') return { kind: 'stdin' }
  if (/^sha(?:256|384|512):/.test(text)) return { kind: 'digest', digest: parseDigest(text) }
  if (text.startsWith(REGISTRY)) return registryArtifact(text)
  if (text.startsWith(LAYOUT)) return layoutArtifact(text)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const hint =
      'write oci://registry/repo:tag, oci-layout://dir, sha256:…, - or the path of a file'
    throw invalid(text, 'unknown scheme', hint)
  }
  return { kind: 'file', path: checkPath(text, text) }
}

/** Writes a reference so that {@link parseArtifactReference} reads it back. */
export function serializeArtifactReference(artifact: ArtifactReference): string {
  switch (artifact.kind) {
    case 'stdin':
      return '-'
    case 'digest':
      return artifact.digest
    case 'file':
      return artifact.path
    case 'registry': {
      const { registry: domain, repository: path, tag, digest } = artifact
      return `${REGISTRY}${serializeImageReference({ domain, path, tag, digest })}`
    }
    case 'layout': {
      const { directory, tag, digest } = artifact
      const tagged = tag === undefined ? directory : `${directory}:${tag}`
      return `${LAYOUT}${digest === undefined ? tagged : `${tagged}@${digest}`}`
    }
  }
}

function registryArtifact(text: string): RegistryArtifact {
  const image = text.slice(REGISTRY.length)
  const written = parseImageReference(image)
  const { domain: registry, path: repository, tag, digest } = normalizeImageName(image)
  // "oci://acme/app" may mean a host or a Docker Hub account: a signature goes to neither by guess.
  if (written.domain === undefined || !/[.:]|^localhost$/.test(written.domain)) {
    const full = serializeImageReference(normalizeImageName(image))
    throw invalid(text, 'it names no registry', `write the registry's full name: oci://${full}`)
  }
  if (tag === undefined && digest === undefined) {
    throw invalid(text, 'it has neither tag nor digest', 'add @sha256:… or :tag')
  }
  return { kind: 'registry', registry, repository, tag, digest }
}

function layoutArtifact(text: string): LayoutArtifact {
  const place = text.slice(LAYOUT.length)
  // Only the last component is looked at: "a:b/" names a directory with a colon in its name.
  const [tagged, digest] = cutLast(place, '@')
  const [directory, tag] = cutWholeName(tagged) ?? cutLast(tagged, ':')
  if (tag !== undefined && !isTag(tag) && !isWholeName(tag)) {
    throw invalid(text, 'the tag is malformed', 'end a directory that has ":" in its name with "/"')
  }
  return {
    kind: 'layout',
    directory: checkPath(text, directory),
    tag,
    digest: digest === undefined ? undefined : parseDigest(digest),
  }
}

/** Cuts at the first colon behind which a whole name stands. */
function cutWholeName(text: string): [directory: string, name: string] | undefined {
  const from = Math.max(1, text.length - MAX_NAME)
  for (let at = text.indexOf(':', from); at !== -1; at = text.indexOf(':', at + 1)) {
    const name = text.slice(at + 1)
    if (isWholeName(name)) return [text.slice(0, at), name]
  }
  return undefined
}

/** Whether a text names a registry plainly, a repository in it and a tag: nothing else is cut from a path. */
function isWholeName(text: string): boolean {
  const slash = text.indexOf('/')
  const registry = text.slice(0, Math.max(slash, 0))
  if (!/[.:]|^localhost$/.test(registry)) return false
  try {
    const { domain, tag } = parseImageReference(text)
    return domain !== undefined && tag !== undefined
  } catch {
    return false
  }
}

/** Cuts at the last such mark behind the last slash. */
function cutLast(text: string, mark: string): [before: string, after: string | undefined] {
  const at = text.lastIndexOf(mark)
  return at > text.lastIndexOf('/') ? [text.slice(0, at), text.slice(at + 1)] : [text, undefined]
}

function checkPath(text: string, path: string): string {
  if (path !== '' && !path.includes('\0')) return path
  throw invalid(text, 'the path is empty', 'name a file, or - for standard input')
}
