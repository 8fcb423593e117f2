/**
 * One repository of a registry: the calls of the distribution-spec (v1.1) this project needs, each
 * answer checked. What they add up to is in registry-store.ts.
 *
 * @packageDocumentation
 */
import { type Digest, digestOf, isDigest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import type { Descriptor } from '../formats/oci-descriptor.ts'
import {
  type AddressedDescriptor,
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  OCI_INDEX,
  OCI_MANIFEST,
  parseManifestKind,
} from '../formats/oci-manifest.ts'
import type { CallOptions, StoredManifest, TaggedManifest } from './artifact-store.ts'
import { assertContent, assertDigest, checkableDigest, MAX_BLOB_BYTES } from './checked-content.ts'
import type { HttpResponse } from './http.ts'
import { printableExcerpt } from '../formats/printable.ts'
import type { RegistryClient, RegistryRequest } from './registry-client.ts'
import { registryError } from './registry-error.ts'
import type { Runtime } from '../basics/runtime.ts'

/** A repository, and the client that reaches its registry. */
export interface RepositoryOptions {
  readonly client: RegistryClient
  /** `host[:port]`. */
  readonly registry: string
  readonly repository: string
}

/** A request below `/v2/NAME/`. */
type RepositoryRequest = Omit<RegistryRequest, 'access' | 'maxBytes'> & {
  readonly maxBytes?: number
  readonly isWrite?: boolean
  readonly signal?: AbortSignal | undefined
}

const ACCEPT = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX].join(', ')

/** How a registry answers that is in trouble, to every method alike. */
const UNAVAILABLE: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])

/** Speaks to one repository. */
export class Repository {
  readonly location: string
  readonly #options: RepositoryOptions

  constructor(options: RepositoryOptions) {
    this.#options = options
    this.location = `${options.registry}/${options.repository}`
  }

  /** What the client takes from the machine. */
  get runtime(): Runtime {
    return this.#options.client.options.runtime
  }

  /** Where the API of the registry answers. */
  get origin(): URL {
    return this.#options.client.origin(this.#options.registry)
  }

  /** Sends a request to a path below `/v2/NAME/`, or to a URL the registry gave. */
  send(place: string | URL, request: RepositoryRequest): Promise<HttpResponse> {
    const { client, registry, repository } = this.#options
    const { isWrite = false, signal, maxBytes = MAX_MANIFEST_BYTES, ...rest } = request
    const url = place instanceof URL ? place : new URL(`/v2/${repository}/${place}`, this.origin)
    const actions = isWrite ? 'pull,push' : 'pull'
    return client.send(registry, url, {
      ...rest,
      maxBytes,
      access: { repository, actions, signal },
    })
  }

  /**
   * What a tag or digest names, without its bytes if the registry states enough.
   *
   * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND, ERR_MANIFEST_INVALID, ERR_DIGEST_MISMATCH
   */
  async resolve(reference: string, options: CallOptions = {}): Promise<AddressedDescriptor> {
    const answer = await this.#send('HEAD', reference, options)
    if (UNAVAILABLE.has(answer.status)) throw this.#unreadable(answer, reference)
    // Some registries refuse HEAD alone: GET decides.
    const named = answer.status === 200 ? describeAnswer(answer) : undefined
    if (named === undefined) {
      const { bytes, ...rest } = await this.readManifest(reference, options)
      return { ...rest, size: bytes.length }
    }
    if (!isDigest(reference) || named.digest === reference) return named
    throw this.#otherDigest(reference, named.digest)
  }

  /**
   * Reads a manifest or index by tag or digest, checked against the digest it was asked for by, or the
   * one the registry names.
   *
   * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND, ERR_MANIFEST_INVALID, ERR_DIGEST_MISMATCH
   */
  async readManifest(reference: string, options: CallOptions = {}): Promise<StoredManifest> {
    const answer = await this.#send('GET', reference, options)
    if (answer.status !== 200) throw this.#unreadable(answer, reference)
    const { body } = answer
    const digest = this.#checkedDigest(answer, reference)
    // The header is the registry's word; the document is what its digest stands for.
    const mediaType = documentType(body)
    if (mediaType === undefined) this.#assertMediaType(answer, reference)
    return { mediaType: mediaType ?? parseManifestKind(body).mediaType, digest, bytes: body }
  }

  /** Reads what a tag names, of any media type; undefined if there is no such tag. */
  async readTag(tag: string, options: CallOptions = {}): Promise<TaggedManifest | undefined> {
    const request = { method: 'GET', headers: { accept: ACCEPT }, ...options } as const
    const answer = await this.send(`manifests/${tag}`, request)
    if (answer.status === 404) return undefined
    if (answer.status !== 200) throw registryError(answer, `read the tag "${tag}"`)
    this.#checkedDigest(answer, tag)
    const etag = answer.headers.get('etag') ?? undefined
    const mediaType = documentType(answer.body) ?? contentType(answer)
    return { mediaType, bytes: answer.body, etag }
  }

  /**
   * Reads a blob, checked against its descriptor.
   *
   * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND, ERR_DIGEST_MISMATCH, ERR_INPUT_TOO_LARGE
   */
  async readBlob(descriptor: Descriptor, options: CallOptions = {}): Promise<Uint8Array> {
    const digest = checkableDigest(descriptor, MAX_BLOB_BYTES)
    const request = { method: 'GET', maxBytes: descriptor.size, ...options } as const
    const answer = await this.send(`blobs/${digest}`, request)
    if (answer.status !== 200) throw registryError(answer, `read the blob ${digest}`)
    assertContent(answer.body, descriptor, this.location)
    return answer.body
  }

  #send(method: 'GET' | 'HEAD', reference: string, options: CallOptions): Promise<HttpResponse> {
    return this.send(`manifests/${reference}`, { method, headers: { accept: ACCEPT }, ...options })
  }

  #unreadable(answer: HttpResponse, reference: string): CountersignError {
    return registryError(answer, `read ${this.location} at "${reference}"`)
  }

  #assertMediaType(answer: HttpResponse, reference: string): void {
    const mediaType = contentType(answer)
    if (isIndexType(mediaType) || isManifestType(mediaType)) return
    throw new CountersignError(
      'ERR_MANIFEST_INVALID',
      `${this.location} at "${reference}" is "${printableExcerpt(mediaType)}", not an image or index`,
    )
  }

  #checkedDigest({ body, headers }: HttpResponse, reference: string): Digest {
    const named = isDigest(reference) ? reference : (headers.get('docker-content-digest') ?? '')
    if (!isDigest(named)) return digestOf(body)
    assertDigest(body, named, this.location)
    return named
  }

  #otherDigest(asked: string, named: string): CountersignError {
    return new CountersignError(
      'ERR_DIGEST_MISMATCH',
      `${this.location} names ${named} where ${asked} was asked for`,
    )
  }
}

/** What the headers of an answer name, where they say enough. */
function describeAnswer(answer: HttpResponse): AddressedDescriptor | undefined {
  const mediaType = contentType(answer)
  const digest = answer.headers.get('docker-content-digest') ?? ''
  const length = answer.headers.get('content-length') ?? ''
  const isKnown = isIndexType(mediaType) || isManifestType(mediaType)
  if (!isKnown || !isDigest(digest) || !/^\d{1,15}$/.test(length)) return undefined
  return { mediaType, digest, size: Number(length) }
}

/** What a document says it is; undefined for what is neither manifest nor index. */
function documentType(bytes: Uint8Array): string | undefined {
  try {
    return parseManifestKind(bytes).mediaType
  } catch {
    return undefined
  }
}

/** The media type of an answer, without parameters, in lower case: its case means nothing (RFC 9110). */
export function contentType({ headers }: HttpResponse): string {
  return (headers.get('content-type') ?? '').replace(/;.*$/, '').trim().toLowerCase()
}
