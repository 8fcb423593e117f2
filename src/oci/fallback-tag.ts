/**
 * The referrers tag schema (distribution-spec v1.1, "Unavailable Referrers API"): an image index at a
 * tag made of the subject's digest lists what is attached to it.
 *
 * @packageDocumentation
 */
import { type Digest, digestHash, digestHex, digestOf, isDigest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import type { JsonObject } from '../formats/json.ts'
import { type Descriptor, serializeDescriptor, toListed } from '../formats/oci-descriptor.ts'
import {
  type AddressedDescriptor,
  type ImageIndex,
  indexEntries,
  isIndexType,
  OCI_INDEX,
  parseImageIndex,
  serializeIndex,
} from '../formats/oci-manifest.ts'
import type {
  CallOptions,
  ListingOptions,
  OciStore,
  TaggedManifest,
  TagStore,
} from './artifact-store.ts'
import { printableExcerpt } from '../formats/printable.ts'
import type { Runtime } from '../basics/runtime.ts'
import { type MovingTags, updateTag } from './tag-update.ts'

/** The tag that lists a subject's referrers; of a SHA-512 digest only 64 digits, as tags are short. */
export function referrersTag(subject: Digest): string {
  return `${digestHash(subject)}-${digestHex(subject).slice(0, 64)}`
}

/**
 * Reads the list at a subject's tag; empty if there is no such tag.
 *
 * @throws {@link CountersignError} ERR_MANIFEST_INVALID — the tag holds something else
 */
export async function readReferrersTag(
  store: OciStore,
  subject: Digest,
  { report, signal }: ListingOptions = {},
): Promise<readonly AddressedDescriptor[]> {
  const tag = referrersTag(subject)
  const current = await readListTag(store, subject, { signal })
  const place = `the tag "${tag}" of ${store.location}`
  if (current === undefined) {
    report?.(`${place} lists nothing`)
    return []
  }
  const { manifests, skipped } = parseTagged(current, tag, store)
  report?.(`${place} lists ${manifests.length}`)
  reportSkipped(skipped, `the list at "${tag}" of ${store.location}`, report)
  return checkable(manifests)
}

/** Reports entries that were left out of a list, where there are any. */
export function reportSkipped(count: number, list: string, report?: (note: string) => void): void {
  if (count > 0) report?.(`skipped in ${list}: entries without a digest (${count})`)
}

/**
 * Reads the tag of a list. Some registries answer it with the subject itself, or with a child of it: that
 * is not a list, and counts as no tag.
 */
async function readListTag(
  store: OciStore,
  subject: Digest,
  options: CallOptions,
): Promise<TaggedManifest | undefined> {
  const current = await store.readTag(referrersTag(subject), options)
  if (current === undefined || digestOf(current.bytes, digestHash(subject)) === subject) {
    return undefined
  }
  // Only what is not a list at all is looked up among the children.
  if (isIndexType(current.mediaType)) return current
  const isChild = await hasChild(store, subject, digestOf(current.bytes), options)
  return isChild ? undefined : current
}

async function hasChild(
  store: OciStore,
  subject: Digest,
  child: Digest,
  options: CallOptions,
): Promise<boolean> {
  const { bytes, mediaType } = await store.readManifest(subject, options)
  if (!isIndexType(mediaType)) return false
  return parseImageIndex(bytes).manifests.some(({ digest }) => digest === child)
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
  store: OciStore,
  {
    subject,
    entry,
    report,
    signal,
  }: { subject: Digest; entry: AddressedDescriptor } & ListingOptions,
  runtime: Pick<Runtime, 'pause' | 'random'>,
): Promise<void> {
  const tag = referrersTag(subject)
  let isReported = false
  const index = (current: TaggedManifest | undefined): ImageIndex | undefined => {
    if (current === undefined) return undefined
    const list = parseTagged(current, tag, store)
    if (!isReported)
      reportSkipped(list.skipped, `the list at "${tag}" of ${store.location}`, report)
    isReported = true
    return list
  }
  // A stale reading must not undo what a fresher one held: every entry seen is kept.
  const seen = new Map<string, JsonObject>()
  const change = {
    tag,
    signal,
    isIn: (current: TaggedManifest | undefined) =>
      index(current)?.manifests.some(({ digest }) => digest === entry.digest) ?? false,
    addTo: (current: TaggedManifest | undefined) => {
      const found = index(current)
      for (const one of found ? indexEntries(found) : []) seen.set(identity(one), one)
      seen.set(entry.digest, serializeDescriptor(entry))
      const bytes = serializeIndex([...seen.values()], found?.json)
      return Promise.resolve({ mediaType: current?.mediaType ?? OCI_INDEX, bytes })
    },
    conflict: (tries: number) => conflict(store, tag, { digest: entry.digest, tries }),
  }
  const tags: MovingTags = {
    readTag: (_, options) => readListTag(store, subject, { ...options }),
    writeTag: (name, next, options) => store.writeTag(name, next, options),
  }
  await updateTag(tags, change, runtime)
}

/** Entries of others stay as they are; one without a digest is known by its text. */
function identity(entry: JsonObject): string {
  return toListed(entry)?.digest ?? JSON.stringify(entry)
}

function parseTagged(
  { mediaType, bytes }: TaggedManifest,
  tag: string,
  store: TagStore,
): ImageIndex {
  if (isIndexType(mediaType)) return parseImageIndex(bytes)
  throw new CountersignError(
    'ERR_MANIFEST_INVALID',
    `the tag "${tag}" of ${store.location} holds "${printableExcerpt(mediaType)}", not a list of referrers`,
    { hint: 'move what was pushed to this tag elsewhere; nothing was overwritten' },
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
