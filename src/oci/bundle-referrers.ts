/**
 * The signatures and attestations among an image's referrers. Others write into the same list: what is
 * not of ours is skipped, and what an entry is, its own manifest says, not the list.
 *
 * @packageDocumentation
 */
import type { Digest } from '../crypto/digest.ts'
import { BATCH_MEMBER_MEDIA_TYPE } from '../formats/batch.ts'
import { type CountersignError, toCountersignError } from '../errors.ts'
import {
  type AddressedDescriptor,
  type ImageManifest,
  parseImageManifest,
} from '../formats/oci-manifest.ts'
import { DEFAULT_MAX_ATTACHED, EMPTY_CONFIG_DESCRIPTOR } from '../formats/oci-referrer.ts'
import { mapConcurrent } from '../basics/map-concurrent.ts'
import type { Attached } from '../verification/verify-artifact.ts'
import type { ListingOptions, OciStore } from './artifact-store.ts'
import { artifactTypeOf, assertAttached, readAttachedArtifact } from './attachment.ts'
import { tooManyAttached, tooMuchAttached } from './attachment-limits.ts'
import { readSignatureLayers } from './legacy.ts'

/** What was found, and what could not be read. */
export interface FoundReferrers {
  readonly attached: readonly Attached[]
  readonly unreadable: readonly UnreadableAttachment[]
}

/** Something that is listed and can't be read. */
export interface UnreadableAttachment {
  readonly source: string
  readonly error: CountersignError
}

/** An image whose referrers are wanted. */
export interface ReferrersRequest extends ListingOptions {
  readonly store: OciStore
  readonly digest: Digest
  /** Most entries that are read; default 500. */
  readonly maxAttached?: number | undefined
  /** Which of the two kinds count. */
  readonly kinds: ReadonlySet<Attached['kind']>
}

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle'
/** What cosign 2 attaches with `--registry-referrers-mode=oci-1-1`: simple signing, as a referrer. */
const SIGNATURE_TYPE = 'application/vnd.dev.cosign.artifact.sig.v1+json'
/** Types under which registries and older libraries list an artifact that has a type of its own. */
const VAGUE_TYPES: ReadonlySet<string> = new Set([
  EMPTY_CONFIG_DESCRIPTOR.mediaType,
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
])
const AT_ONCE = 8
/**
 * What is read stays in memory until it is verified. All large bundles of one image together are bounded;
 * small ones, as signatures are, only by their number, so that large ones do not keep them from being found.
 */
const MAX_LARGE_BYTES = 256 * 1024 * 1024
const SMALL_BYTES = 256 * 1024

/** Whether an artifact type is that of a Sigstore bundle, of any version, or of a member of a signed batch. */
export function isBundle(artifactType: string): boolean {
  return artifactType.startsWith(BUNDLE_TYPE) || artifactType === BATCH_MEMBER_MEDIA_TYPE
}

/** Whether the listed type leaves open what an artifact is. */
export function isVague(artifactType: string | undefined): boolean {
  return artifactType === undefined || VAGUE_TYPES.has(artifactType)
}

/**
 * Reads the bundles among an image's referrers, and signatures of cosign 2: one request for the list, one
 * or two for each entry.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — over `maxAttached` bundles; and the store's errors
 * for the list itself
 */
export async function readReferrers(request: ReferrersRequest): Promise<FoundReferrers> {
  const { store, digest, maxAttached = DEFAULT_MAX_ATTACHED, report, signal } = request
  const listed = (await store.referrers(digest, { report, signal })).toSorted(
    (a, b) => rank(a) - rank(b),
  )
  const bundles = listed.filter((one) => rank(one) === 0).length
  if (bundles > maxAttached) throw tooManyAttached(store.location, bundles)
  let large = 0
  const read = await mapConcurrent(listed.slice(0, maxAttached), AT_ONCE, async (referrer) => {
    const one = await readOne(referrer, request)
    if (one.bytes <= SMALL_BYTES) return one
    large += one.bytes
    return large <= MAX_LARGE_BYTES
      ? one
      : failed(sourceOf(store, referrer), tooMuchAttached(MAX_LARGE_BYTES))
  })
  const isCut = listed.length > maxAttached
  const cut = isCut
    ? [{ source: store.location, error: tooManyAttached(store.location, listed.length) }]
    : []
  return {
    attached: read.flatMap(({ attached }) => attached),
    unreadable: [...read.flatMap(({ unreadable }) => unreadable), ...cut],
  }
}

/** What says to be ours is read first, so that no number of others keeps it from being found. */
function rank({ artifactType }: AddressedDescriptor): number {
  if (artifactType === undefined || isVague(artifactType)) return 2
  if (isBundle(artifactType)) return 0
  return artifactType === SIGNATURE_TYPE ? 1 : 3
}

interface ReadReferrer extends FoundReferrers {
  /** Of its content, in memory. */
  readonly bytes: number
}

const NOTHING: ReadReferrer = { attached: [], unreadable: [], bytes: 0 }

function failed(source: string, error: CountersignError): ReadReferrer {
  return { ...NOTHING, unreadable: [{ source, error }] }
}

function sourceOf({ location }: OciStore, { digest }: AddressedDescriptor): string {
  return `${location}@${digest}`
}

async function readOne(
  referrer: AddressedDescriptor,
  request: ReferrersRequest,
): Promise<ReadReferrer> {
  const source = sourceOf(request.store, referrer)
  try {
    const manifest = await readManifest(referrer, request)
    if (manifest === undefined) return NOTHING
    return await readContent(manifest, referrer, request)
  } catch (thrown) {
    return failed(source, toCountersignError(thrown))
  }
}

/** Undefined for what is not ours: no image manifest, or listed as something else and not there. */
async function readManifest(
  referrer: AddressedDescriptor,
  { store, report, signal }: ReferrersRequest,
): Promise<ImageManifest | undefined> {
  try {
    const { bytes } = await store.readManifest(referrer.digest, { signal })
    return parseImageManifest(bytes)
  } catch (thrown) {
    const error = toCountersignError(thrown)
    if (rank(referrer) < 2 || !isStrange(error, referrer)) throw error
    report?.(`skipped ${sourceOf(store, referrer)}: ${error.message}`)
    return undefined
  }
}

function isStrange({ code }: CountersignError, { artifactType }: AddressedDescriptor): boolean {
  const isOther = code === 'ERR_MANIFEST_INVALID' || code === 'ERR_JSON_INVALID'
  return isOther || (code === 'ERR_ARTIFACT_NOT_FOUND' && !isVague(artifactType))
}

async function readContent(
  manifest: ImageManifest,
  referrer: AddressedDescriptor,
  { store, digest, kinds, report, signal }: ReferrersRequest,
): Promise<ReadReferrer> {
  const type = artifactTypeOf(manifest)
  const source = sourceOf(store, referrer)
  const attachment = { subject: digest, referrer, signal }
  if (isBundle(type) && kinds.has('bundle')) {
    const { content } = await readAttachedArtifact(store, manifest, attachment)
    const attached = [{ kind: 'bundle' as const, source, bytes: content }]
    return { ...NOTHING, attached, bytes: content.length }
  }
  if (type === SIGNATURE_TYPE && kinds.has('legacy-signature')) {
    assertAttached(manifest, attachment, store.location)
    const signatures = await readSignatureLayers(store, manifest, { signal })
    const attached = signatures.map((legacy, index) => ({
      kind: 'legacy-signature' as const,
      source: `${source} layer ${index + 1}`,
      legacy,
    }))
    return { ...NOTHING, attached }
  }
  if (!isBundle(type) && type !== SIGNATURE_TYPE) report?.(`skipped ${source}: not a signature`)
  return NOTHING
}
