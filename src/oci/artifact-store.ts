/**
 * The one door to places that hold images and what is attached to them: a repository in a registry, or
 * an image layout on disk. Callers don't know which.
 *
 * @packageDocumentation
 */
import type { Digest } from '../crypto/digest.ts'
import type { Annotations, Descriptor } from '../formats/oci-descriptor.ts'
import type { AddressedDescriptor } from '../formats/oci-manifest.ts'

/** What every call may take. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/** Names an image or index inside a store; the digest decides where both are given. */
export interface StoreTarget {
  readonly tag?: string | undefined
  readonly digest?: Digest | undefined
}

/** A manifest or index, its bytes checked against its digest. */
export interface StoredManifest {
  readonly mediaType: string
  readonly digest: Digest
  readonly bytes: Uint8Array
}

/** How a list is read. */
export interface ListingOptions extends CallOptions {
  /** Receives where was looked, how much was there, and what was skipped and why; each as one line. */
  readonly report?: ((note: string) => void) | undefined
}

/** Which referrers are wanted. */
export interface ReferrersOptions extends ListingOptions {
  /** Only those of this type, and those that do not say theirs. */
  readonly artifactType?: string | undefined
}

/** An artifact to be attached. */
export interface AttachRequest extends ListingOptions {
  readonly subject: Descriptor
  /** Media type of the artifact and of its one blob. */
  readonly artifactType: string
  readonly content: Uint8Array
  readonly annotations: Annotations
}

/** What was attached. */
export interface AttachedManifest {
  /** Digest of the referrer's manifest. */
  readonly digest: Digest
  /** Where others will find it: the referrers API, the fallback tag, a layout's index, or nowhere. */
  readonly listedBy: 'api' | 'tag' | 'layout' | 'none'
}

/** Reads images and what is attached to them, and attaches more. All content is digest-checked. */
export interface ArtifactStore {
  /** For messages: `ghcr.io/acme/app`, or the layout's directory. */
  readonly location: string
  /**
   * Finds what a tag or digest names now; a layout's only image where neither is given.
   *
   * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND; ERR_REFERENCE_INVALID — it names several, or none
   */
  resolve(target: StoreTarget, options?: CallOptions): Promise<AddressedDescriptor>
  /**
   * Reads a manifest or index.
   *
   * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND; ERR_DIGEST_MISMATCH; ERR_INPUT_TOO_LARGE
   */
  readManifest(digest: Digest, options?: CallOptions): Promise<StoredManifest>
  /**
   * Reads a blob of up to 32 MiB.
   *
   * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND; ERR_DIGEST_MISMATCH; ERR_INPUT_TOO_LARGE
   */
  readBlob(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array>
  /**
   * Lists what is attached to a subject, in no order. Empty means that the store was asked and holds
   * nothing; every failure to ask throws.
   */
  referrers(subject: Digest, options?: ReferrersOptions): Promise<readonly AddressedDescriptor[]>
  /**
   * Attaches an artifact so that {@link ArtifactStore.referrers} lists it: read back before it returns.
   *
   * @throws {@link CountersignError} ERR_REFERRERS_CONFLICT — pushed, but the list would not keep it;
   * ERR_NOT_ALLOWED
   */
  attach(request: AttachRequest): Promise<AttachedManifest>
}

/** A manifest as it stands at a tag. */
export interface TaggedManifest {
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** The store's name for this state of the tag, for a write that must not overwrite another. */
  readonly etag?: string | undefined
}

/**
 * What is known after a tag was written: it moved without a concurrent write; it was taken, but another
 * writer may have come between; another writer did, and it did not move.
 */
export type WriteOutcome = 'moved' | 'unproven' | 'beaten'

/** Moves tags: what the fallback tag of referrers and cosign's older layout stand on. */
export interface TagStore {
  readonly location: string
  /** Reads what a tag names; undefined if there is no such tag. */
  readTag(tag: string, options?: CallOptions): Promise<TaggedManifest | undefined>
  /** Moves a tag from what was read to a new manifest. */
  writeTag(
    tag: string,
    next: TaggedManifest,
    options: CallOptions & { readonly expected: TaggedManifest | undefined },
  ): Promise<WriteOutcome>
  /** Stores a blob. */
  writeBlob(
    bytes: Uint8Array,
    mediaType: string,
    options?: CallOptions,
  ): Promise<AddressedDescriptor>
  readBlob(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array>
}

/** What a registry's repository and an image layout are alike. */
export type OciStore = ArtifactStore & TagStore
