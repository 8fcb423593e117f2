/**
 * A repository of a registry as an {@link ArtifactStore}: with the referrers API where the registry
 * has one that works, with the fallback tag where it does not.
 *
 * @packageDocumentation
 */
import type { Digest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import type { Descriptor } from '../formats/oci-descriptor.ts'
import {
  type AddressedDescriptor,
  describeManifest,
  OCI_MANIFEST,
} from '../formats/oci-manifest.ts'
import {
  createReferrerManifest,
  EMPTY_CONFIG,
  EMPTY_CONFIG_DESCRIPTOR,
} from '../formats/oci-referrer.ts'
import type {
  AttachedManifest,
  AttachRequest,
  CallOptions,
  ListingOptions,
  OciStore,
  ReferrersOptions,
  StoredManifest,
  StoreTarget,
  TaggedManifest,
  WriteOutcome,
} from './artifact-store.ts'
import { checkableDigest } from './checked-content.ts'
import { addToReferrersTag, checkable, readReferrersTag } from './fallback-tag.ts'
import { isWanted, listReferrers } from './referrers-api.ts'
import { Repository, type RepositoryOptions } from './repository.ts'
import { pushBlob, pushManifest } from './upload.ts'

/**
 * Where referrers are listed: by the API or the fallback tag, whichever works (`auto`); by one alone;
 * or, when attaching, nowhere.
 */
export type ReferrersMode = 'auto' | 'api' | 'tag' | 'none'

/** A repository, and how it lists referrers. */
export interface RegistryStoreOptions extends RepositoryOptions {
  /** Default `auto`. */
  readonly referrersMode?: ReferrersMode | undefined
}

/** How often a registry that has the API is asked before its silence counts. */
const API_READS = 4
const API_PAUSE_MS = 250

/** Opens a repository; nothing is sent until something is asked. */
export function createRegistryStore(options: RegistryStoreOptions): OciStore {
  return new RegistryStore(options)
}

class RegistryStore implements OciStore {
  readonly location: string
  readonly #options: RegistryStoreOptions
  readonly #repository: Repository
  readonly #mode: ReferrersMode

  constructor(options: RegistryStoreOptions) {
    this.#options = options
    this.#repository = new Repository(options)
    this.#mode = options.referrersMode ?? 'auto'
    this.location = this.#repository.location
  }

  async resolve({ tag, digest }: StoreTarget, options?: CallOptions): Promise<AddressedDescriptor> {
    const reference = digest ?? tag
    if (reference !== undefined) return this.#repository.resolve(reference, options)
    throw new CountersignError('ERR_REFERENCE_INVALID', `which image of ${this.location}?`, {
      hint: 'add @sha256:… or :tag',
    })
  }

  readManifest(digest: Digest, options?: CallOptions): Promise<StoredManifest> {
    return this.#repository.readManifest(digest, options)
  }

  readBlob(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array> {
    return this.#repository.readBlob(descriptor, options)
  }

  readTag(tag: string, options?: CallOptions): Promise<TaggedManifest | undefined> {
    return this.#repository.readTag(tag, options)
  }

  async writeTag(
    tag: string,
    { bytes, mediaType }: TaggedManifest,
    { expected, signal }: CallOptions & { expected: TaggedManifest | undefined },
  ): Promise<WriteOutcome> {
    const condition = toCondition(expected)
    const upload = { reference: tag, bytes, mediaType, condition, signal }
    const answer = await pushManifest(this.#repository, upload).catch((error: unknown) => {
      throw tagRefused(error, tag)
    })
    return answer === undefined ? 'beaten' : 'unproven'
  }

  writeBlob(
    bytes: Uint8Array,
    mediaType: string,
    options?: CallOptions,
  ): Promise<AddressedDescriptor> {
    return pushBlob(this.#repository, bytes, mediaType, options)
  }

  async referrers(
    subject: Digest,
    options: ReferrersOptions = {},
  ): Promise<readonly AddressedDescriptor[]> {
    const listed = this.#mode === 'tag' ? undefined : await this.#listByApi(subject, options)
    // An empty list may be all that a registry knows of referrers written before it had the API.
    if (this.#mode === 'api' || (listed !== undefined && listed.length > 0)) return listed ?? []
    const tagged = await readReferrersTag(this, subject, options)
    return tagged.filter((one) => isWanted(one, options.artifactType))
  }

  async attach(request: AttachRequest): Promise<AttachedManifest> {
    const { subject, artifactType, content, annotations, report, signal } = request
    const [layer] = await Promise.all([
      this.writeBlob(content, artifactType, { signal }),
      this.writeBlob(EMPTY_CONFIG, EMPTY_CONFIG_DESCRIPTOR.mediaType, { signal }),
    ])
    const bytes = createReferrerManifest({ subject, artifactType, layer, annotations })
    const entry = describeManifest(bytes, OCI_MANIFEST)
    const upload = { reference: entry.digest, bytes, mediaType: OCI_MANIFEST, signal }
    const answer = await pushManifest(this.#repository, upload)
    const isAnnounced = answer?.headers.has('oci-subject') ?? false
    return {
      digest: entry.digest,
      listedBy: await this.#list(checkableDigest(subject, Infinity), entry, {
        isAnnounced,
        report,
        signal,
      }),
    }
  }

  /** Makes sure that a pushed referrer is listed, by reading it back. */
  async #list(
    subject: Digest,
    entry: AddressedDescriptor,
    { isAnnounced, report, signal }: ListingOptions & { isAnnounced: boolean },
  ): Promise<AttachedManifest['listedBy']> {
    if (this.#mode === 'none') return 'none'
    if (this.#mode !== 'tag') {
      const listed = await this.#awaitApi(subject, entry, { isAnnounced, report, signal })
      if (listed?.some(({ digest }) => digest === entry.digest)) return 'api'
      // Readers that find others in the API never read the tag: an entry there would be useless.
      const isListBlind = listed !== undefined && listed.length > 0
      if (isListBlind || this.#mode === 'api') throw notListed(this.location, entry.digest)
    }
    await addToReferrersTag(this, { subject, entry, report, signal }, this.#repository.runtime)
    return 'tag'
  }

  /**
   * Asks the API until it lists a referrer, and answers what it listed last; undefined where there is no
   * API. `OCI-Subject` in the answer to a push, which some registries send without having the API, only
   * says that asking again is worth while.
   */
  async #awaitApi(
    subject: Digest,
    { digest }: AddressedDescriptor,
    { isAnnounced, report, signal }: ListingOptions & { isAnnounced: boolean },
  ): Promise<readonly AddressedDescriptor[] | undefined> {
    const { pause, random } = this.#repository.runtime
    for (let read = 1; ; read += 1) {
      // Unfiltered: some registries list a bundle under another type than its manifest says.
      // What is skipped is reported once.
      const listed = await this.#listByApi(subject, { signal, ...(read === 1 && { report }) })
      const isPatient = isAnnounced || this.#mode === 'api' || (listed?.length ?? 0) > 0
      const isDone = listed === undefined || listed.some((one) => one.digest === digest)
      if (isDone || !isPatient || read === API_READS) return listed
      await pause(API_PAUSE_MS * 2 ** (read - 1) * (1 + random()), signal)
    }
  }

  async #listByApi(
    subject: Digest,
    options: ReferrersOptions,
  ): Promise<readonly AddressedDescriptor[] | undefined> {
    const listed = await listReferrers(this.#repository, subject, options)
    if (listed === undefined && this.#mode === 'api') throw this.#noApi()
    return listed && checkable(listed)
  }

  #noApi(): CountersignError {
    return new CountersignError(
      'ERR_OPERATION_UNSUPPORTED',
      `${this.#options.registry} has no referrers API`,
      { hint: 'choose the referrers mode auto or tag', reason: 'no-referrers-api' },
    )
  }
}

function toCondition(expected: TaggedManifest | undefined): Readonly<Record<string, string>> {
  if (expected === undefined) return { 'if-none-match': '*' }
  return expected.etag === undefined ? {} : { 'if-match': expected.etag }
}

/** Many registries let tags be fixed; a list that is a tag then can't grow. */
function tagRefused(error: unknown, tag: string): unknown {
  const isRefusal =
    CountersignError.is(error, 'ERR_NOT_ALLOWED') ||
    CountersignError.is(error, 'ERR_REGISTRY_PROTOCOL')
  if (!isRefusal || error.details['status'] === undefined) return error
  return new CountersignError(
    'ERR_NOT_ALLOWED',
    `the registry does not let the tag "${tag}" move: ${error.message}`,
    {
      hint: 'if its tags are immutable, exempt "sha256-*", or choose the referrers mode api or none',
      reason: 'referrers-tag-refused',
      details: error.details,
      cause: error,
    },
  )
}

function notListed(location: string, digest: Digest): CountersignError {
  return new CountersignError(
    'ERR_REFERRERS_CONFLICT',
    `${digest} is pushed, but the referrers API of ${location} does not list it`,
    {
      hint: 'try again later, or choose the referrers mode tag',
      reason: 'referrer-not-listed',
      details: { digest },
    },
  )
}
