/**
 * The referrers tag schema (distribution-spec v1.1, "Unavailable Referrers API"): an image index at a
 * tag made of the subject's digest lists what is attached to it.
 *
 * @packageDocumentation
 */
import { type Digest, digestHash, digestHex, isDigest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import type { JsonObject } from '../formats/json.ts'
import { type Descriptor, parseDescriptor, serializeDescriptor } from '../formats/oci-descriptor.ts'
import {
  type AddressedDescriptor,
  type ImageIndex,
  indexEntries,
  isIndexType,
  OCI_INDEX,
  parseImageIndex,
  serializeIndex,
} from '../formats/oci-manifest.ts'
import type { CallOptions, TaggedManifest, TagStore } from './artifact-store.ts'
import { printable } from './printable.ts'
import type { Runtime } from './runtime.ts'
import { updateTag } from './tag-update.ts'

/** The tag that lists a subject's referrers; of a SHA-512 digest only 64 digits, as tags are short. */
export function referrersTag(subject: Digest): string {
  return `${digestHash(subject)}-${digestHex(subject).slice(0, 64)}`
}

/**
 * Reads the list at a subject's tag; empty where there is no such tag.
 *
 * @throws {@link CountersignError} ERR_MANIFEST_INVALID — the tag holds something else
 */
export async function readReferrersTag(
  store: TagStore,
  subject: Digest,
  options: CallOptions = {},
): Promise<readonly AddressedDescriptor[]> {
  const tag = referrersTag(subject)
  const current = await store.readTag(tag, options)
  return current === undefined ? [] : checkable(parseTagged(current, tag, store).manifests)
}

/**
 * The entries whose digests we can check, each once. Others could not be fetched; skipping them tells no
 * more than their author, who may leave out any entry.
 */
export function checkable(entries: readonly Descriptor[]): readonly AddressedDescriptor[] {
  const found = new Map<Digest, AddressedDescriptor>()
  for (const { digest, ...rest } of entries) {
    if (isDigest(digest) && !found.has(digest)) found.set(digest, { ...rest, digest })
  }
  return [...found.values()]
}

/**
 * Adds an entry to a subject's list and makes sure it stays, with those that others add meanwhile.
 *
 * @throws {@link CountersignError} ERR_REFERRERS_CONFLICT — the list would not keep it; ERR_MANIFEST_INVALID
 * — the tag holds something else, which is left alone
 */
export async function addToReferrersTag(
  store: TagStore,
  { subject, entry, signal }: { subject: Digest; entry: AddressedDescriptor } & CallOptions,
  runtime: Pick<Runtime, 'pause' | 'random'>,
): Promise<void> {
  const tag = referrersTag(subject)
  const index = (current: TaggedManifest | undefined): ImageIndex | undefined =>
    current && parseTagged(current, tag, store)
  // A stale reading must not undo what a fresher one held: every entry seen is kept.
  const seen = new Map<string, JsonObject>()
  const change = {
    tag,
    signal,
    isIn: (current: TaggedManifest | undefined) =>
      index(current)?.manifests.some(({ digest }) => digest === entry.digest) ?? false,
    addTo: (current: TaggedManifest | undefined) => {
      const found = index(current)
      for (const one of found ? indexEntries(found) : []) seen.set(parseDescriptor(one).digest, one)
      seen.set(entry.digest, serializeDescriptor(entry))
      const bytes = serializeIndex([...seen.values()], found?.json)
      return Promise.resolve({ mediaType: current?.mediaType ?? OCI_INDEX, bytes })
    },
    conflict: (tries: number) => conflict(store, tag, { digest: entry.digest, tries }),
  }
  await updateTag(store, change, runtime)
}

function parseTagged(
  { mediaType, bytes }: TaggedManifest,
  tag: string,
  store: TagStore,
): ImageIndex {
  if (isIndexType(mediaType)) return parseImageIndex(bytes)
  throw new CountersignError(
    'ERR_MANIFEST_INVALID',
    `the tag "${tag}" of ${store.location} holds "${printable(mediaType)}", not a list of referrers`,
    { hint: 'somebody pushed an image to this tag; move it away, nothing was overwritten' },
  )
}

function conflict(
  { location }: TagStore,
  tag: string,
  details: { digest: Digest; tries: number },
): CountersignError {
  return new CountersignError(
    'ERR_REFERRERS_CONFLICT',
    `${details.digest} is pushed, but ${location} did not keep it in the list at "${tag}"`,
    { hint: 'too many others write to the same list; try again', details: { tag, ...details } },
  )
}
