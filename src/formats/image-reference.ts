/**
 * Image references, `[domain/]path[:tag][@digest]`, after the grammar of distribution/reference; a
 * digest's algorithm is one of those we can check.
 *
 * @packageDocumentation
 */
import { type Digest, parseDigest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'

/** An image by name, tag and digest; nothing is filled in that was not written. */
export interface ImageReference {
  /** `host[:port]` of a registry. */
  readonly domain?: string | undefined
  /** Repository inside the registry. */
  readonly path: string
  readonly tag?: string | undefined
  readonly digest?: Digest | undefined
}

/** An image reference whose registry is known. */
export type NormalizedImageReference = ImageReference & { readonly domain: string }

const MAX_PATH = 255
/** Longest domain name, path, tag and digest, with what stands between them. */
const MAX_TEXT = 1024

const LABEL = '[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*'
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*'
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[A-Fa-f0-9:]+\\])(?::[0-9]+)?$`)
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)
const TAG = /^\w[\w.-]{0,127}$/
const DOCKER_HUB = 'docker.io'

function invalid(text: string, why: string): CountersignError {
  return new CountersignError(
    'ERR_REFERENCE_INVALID',
    `not an image reference: "${text.slice(0, 160)}": ${why}`,
    { hint: 'write registry/repository:tag or registry/repository@sha256:…' },
  )
}

/** Whether a text is a tag: a word of up to 128 letters, digits, `_`, `.` and `-`. */
export function isTag(text: string): boolean {
  return TAG.test(text)
}

/**
 * Parses an image reference as it is written: a first component that can be a domain is one, and no
 * registry is assumed where none is named.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — not the grammar, or a path over 255 characters
 */
export function parseImageReference(text: string): ImageReference {
  const { name, ...rest } = splitSuffix(text)
  const slash = name.indexOf('/')
  const domain = name.slice(0, Math.max(slash, 0))
  if (DOMAIN.test(domain)) return { domain, path: checkPath(text, name.slice(slash + 1)), ...rest }
  return { path: checkPath(text, name), ...rest }
}

/**
 * Parses a reference as people write it for Docker: a first component is a registry only if it has a
 * dot, a port or a capital letter, or is `localhost`; else the registry is docker.io, where official
 * images live under `library/`.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — not the grammar, or a bare 64-digit image id
 */
export function normalizeImageName(text: string): NormalizedImageReference {
  const { name, ...rest } = splitSuffix(text)
  if (/^[0-9a-f]{64}$/.test(name)) throw invalid(text, 'an image id names no repository')
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const isDomain = /[.:A-Z]/.test(first) || first === 'localhost'
  if (isDomain && !DOMAIN.test(first)) throw invalid(text, 'the registry is malformed')
  const domain = isDomain && first !== `index.${DOCKER_HUB}` ? first : DOCKER_HUB
  const path = checkPath(text, isDomain ? name.slice(slash + 1) : name)
  const isOfficial = domain === DOCKER_HUB && !path.includes('/')
  return { domain, path: isOfficial ? checkPath(text, `library/${path}`) : path, ...rest }
}

/** Writes a reference so that {@link parseImageReference} reads it back. */
export function serializeImageReference(reference: ImageReference): string {
  const { tag, digest } = reference
  return [
    imageName(reference),
    tag === undefined ? '' : `:${tag}`,
    digest === undefined ? '' : `@${digest}`,
  ].join('')
}

/** The name of a reference without tag and digest: `domain/path`. */
export function imageName({ domain, path }: ImageReference): string {
  return domain === undefined ? path : `${domain}/${path}`
}

interface SplitReference {
  /** What is left, not yet checked. */
  readonly name: string
  readonly tag: string | undefined
  readonly digest: Digest | undefined
}

/** Takes tag and digest off the end. */
function splitSuffix(text: string): SplitReference {
  if (text.length > MAX_TEXT) throw invalid(text, `over ${MAX_TEXT} characters`)
  const at = text.indexOf('@')
  const tagged = at === -1 ? text : text.slice(0, at)
  const colon = tagged.lastIndexOf(':')
  const hasTag = colon > tagged.lastIndexOf('/')
  const tag = hasTag ? tagged.slice(colon + 1) : undefined
  if (tag !== undefined && !isTag(tag)) throw invalid(text, 'the tag is malformed')
  return {
    name: hasTag ? tagged.slice(0, colon) : tagged,
    tag,
    digest: at === -1 ? undefined : parseDigest(text.slice(at + 1)),
  }
}

function checkPath(text: string, path: string): string {
  if (path.length > MAX_PATH) throw invalid(text, `the repository is over ${MAX_PATH} characters`)
  if (PATH.test(path)) return path
  throw invalid(
    text,
    PATH.test(path.toLowerCase()) ? 'a repository is lower case' : 'the repository is malformed',
  )
}

/** cosign's name of a repository in its older form: Docker Hub by the name that its older tools use. */
export function dockerReference(repository: string): string {
  return repository.replace(/^docker\.io\//, 'index.docker.io/')
}
