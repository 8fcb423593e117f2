/**
 * Everything attached to an image that a verification can look at. All of it is attacker-controlled;
 * what can't be read is told, not passed over.
 *
 * @packageDocumentation
 */
import type { Digest } from '../crypto/digest.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import type { AddressedDescriptor } from '../formats/oci-manifest.ts'
import { DEFAULT_MAX_ATTACHED, MAX_ATTACHED } from '../formats/oci-referrer.ts'
import { SIGN_PREDICATE_TYPE } from '../formats/predicates/types.ts'
import type { OciStore } from './artifact-store.ts'
import { readAttachment } from './attachment.ts'
import { readLegacyAttestations, readLegacySignatures } from './legacy.ts'
import type { Policy } from '../verification/policy.ts'
import type { Attached } from '../verification/verify-artifact.ts'
import { mapInOrder } from '../in-order.ts'

/** Which form of attachments is read: `auto` looks for older ones only where there are no bundles. */
export type AttachmentFormat = 'auto' | 'bundle' | 'legacy' | 'both'

/** What was found, and what could not be read. */
export interface FoundAttachments {
  readonly attached: readonly Attached[]
  readonly unreadable: readonly UnreadableAttachment[]
}

/** Something that is listed and can't be read. */
export interface UnreadableAttachment {
  readonly source: string
  readonly error: CountersignError
}

/** An image whose attachments are wanted. */
export interface AttachmentsRequest {
  readonly store: OciStore
  readonly digest: Digest
  readonly format: AttachmentFormat
  readonly predicateTypes: Policy['predicateTypes']
  /** Most bundles that are read; default 500. */
  readonly maxAttached?: number | undefined
  readonly signal: AbortSignal
}

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle'
const AT_ONCE = 8
/**
 * What is read stays in memory until it is verified. All large bundles of one image together are bounded;
 * small ones, as signatures are, only by their number, so that large ones do not keep them from being found.
 */
const MAX_LARGE_BYTES = 256 * 1024 * 1024
const SMALL_BYTES = 256 * 1024

/**
 * Reads what is attached to an image: one request for the list, two for each bundle.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — over `maxAttached` bundles; and the store's errors
 * for the list itself
 */
export async function readAttachments(request: AttachmentsRequest): Promise<FoundAttachments> {
  const { format } = request
  const bundles = format === 'legacy' ? NOTHING : await readBundleReferrers(request)
  const isNewer = bundles.attached.length + bundles.unreadable.length > 0
  if (format === 'bundle' || (format === 'auto' && isNewer)) return bundles
  const legacy = await readLegacy(request)
  return { attached: [...bundles.attached, ...legacy], unreadable: bundles.unreadable }
}

const NOTHING: FoundAttachments = { attached: [], unreadable: [] }

async function readBundleReferrers(request: AttachmentsRequest): Promise<FoundAttachments> {
  const { store, digest, maxAttached = DEFAULT_MAX_ATTACHED, signal } = request
  const referrers = await store.referrers(digest, { signal })
  // A list may leave the type out; reading the manifest tells it then.
  const wanted = referrers.filter(({ artifactType }) => isBundle(artifactType ?? BUNDLE_TYPE))
  if (wanted.length > maxAttached) throw tooManyAttached(store.location, wanted.length)
  let large = 0
  const read = await mapInOrder(wanted, AT_ONCE, async (referrer) => {
    const one = await readBundle(referrer, request)
    if (one === undefined || 'error' in one || one.bytes.length <= SMALL_BYTES) return one
    large += one.bytes.length
    return large <= MAX_LARGE_BYTES ? one : { source: one.source, error: tooMuch() }
  })
  return {
    attached: read.flatMap((one) => (one !== undefined && 'kind' in one ? one : [])),
    unreadable: read.flatMap((one) => (one !== undefined && 'error' in one ? one : [])),
  }
}

/** Tells whether an artifact type is that of a Sigstore bundle, of any version. */
export function isBundle(artifactType: string): boolean {
  return artifactType.startsWith(BUNDLE_TYPE)
}

type BundleFile = Extract<Attached, { readonly kind: 'bundle' }>

async function readBundle(
  referrer: AddressedDescriptor,
  { store, digest, signal }: AttachmentsRequest,
): Promise<BundleFile | UnreadableAttachment | undefined> {
  const source = `${store.location}@${referrer.digest}`
  try {
    const { artifactType, content } = await readAttachment(store, {
      subject: digest,
      referrer,
      signal,
    })
    if (!isBundle(artifactType)) return undefined
    return { kind: 'bundle', source, bytes: content }
  } catch (thrown) {
    return { source, error: toCountersignError(thrown) }
  }
}

/** The tags of cosign 2, only those that can hold what is demanded. */
async function readLegacy(request: AttachmentsRequest): Promise<readonly Attached[]> {
  const { store, digest, predicateTypes, signal } = request
  const wants = (isSignature: boolean): boolean =>
    predicateTypes === 'any' ||
    predicateTypes.some((type) => (type === SIGN_PREDICATE_TYPE) === isSignature)
  const target = { subject: digest, signal }
  const [signatures, attestations] = await Promise.all([
    wants(true) ? readLegacySignatures(store, target) : [],
    wants(false) ? readLegacyAttestations(store, target) : [],
  ])
  const tag = `${store.location}:${digest.replace(':', '-')}`
  return [
    ...signatures.map((legacy, index) => ({
      kind: 'legacy-signature' as const,
      source: `${tag}.sig layer ${index + 1}`,
      legacy,
    })),
    ...attestations.map(({ envelope }, index) => ({
      kind: 'legacy-attestation' as const,
      source: `${tag}.att layer ${index + 1}`,
      bytes: envelope,
    })),
  ]
}

/** The error of an image to which more is attached than is read. */
export function tooManyAttached(location: string, count: number): CountersignError {
  return new CountersignError('ERR_INPUT_TOO_LARGE', `${count} items are attached in ${location}`, {
    hint:
      count <= MAX_ATTACHED
        ? `to read them all, give --max-attached ${count} (in the Action, the input max-attached)`
        : 'remove what does not belong there from the registry',
    details: { count },
  })
}

function tooMuch(): CountersignError {
  return new CountersignError(
    'ERR_INPUT_TOO_LARGE',
    `not read: the large bundles of the image have over ${MAX_LARGE_BYTES} bytes together`,
    {
      hint: 'remove what does not belong there: countersign discover lists it',
      details: { maxBytes: MAX_LARGE_BYTES },
    },
  )
}
