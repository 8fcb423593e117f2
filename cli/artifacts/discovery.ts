/**
 * Everything attached to an artifact, as a tree: what is listed, and what it says of itself. Nothing of
 * it is verified.
 *
 * @packageDocumentation
 */
import { type Digest, digestOf } from '../../src/crypto/digest.ts'
import type { AddressedDescriptor } from '../../src/formats/oci-manifest.ts'
import { DEFAULT_MAX_ATTACHED } from '../../src/formats/oci-referrer.ts'
import { readAttachment } from '../../src/oci/attachment.ts'
import { readLegacyAttestations, readLegacySignatures } from '../../src/oci/legacy.ts'
import { type ErrorDocument, toErrorDocument } from '../../src/verification/result.ts'
import { type BundleFacts, readBundleFacts } from './bundle-facts.ts'
import { tooManyAttached } from '../../src/oci/attachment-limits.ts'
import { isBundle, isVague } from '../../src/oci/bundle-referrers.ts'
import type { OpenImage } from '../../src/artifacts/open-images.ts'
import { withTypedHint } from '../render/hints.ts'
import { mapConcurrent } from '../../src/basics/map-concurrent.ts'

/** One attachment and what is attached to it; all its text is untrusted. */
export interface AttachmentNode {
  /** Artifact type, or `legacy signature` and `legacy attestation` of cosign's older layout. */
  readonly type: string
  readonly digest?: Digest
  /** Bytes of the manifest, or of the bundle in a file. */
  readonly size?: number
  readonly predicateType?: string
  readonly bundle?: BundleFacts
  /** Why it could not be read. */
  readonly error?: ErrorDocument
  readonly attached: readonly AttachmentNode[]
}

const AT_ONCE = 8
/** An SBOM may be signed, and that signature time-stamped; honest trees rarely go deeper. */
const MAX_DEPTH = 4

/** What listing takes beside the image. */
export interface DiscoveryOptions {
  /** Most that is listed of one image, at all depths together. */
  readonly maxAttached?: number | undefined
  readonly signal: AbortSignal
}

/**
 * Lists what is attached to an image: by the referrers, and at the tags of cosign's older layout.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — over `maxAttached`; and the store's errors
 */
export async function discoverImage(
  image: OpenImage,
  { maxAttached = DEFAULT_MAX_ATTACHED, signal }: DiscoveryOptions,
): Promise<readonly AttachmentNode[]> {
  const { location } = image.store
  let found = 0
  const count = (more: number): void => {
    found += more
    if (found > maxAttached) throw tooManyAttached(location, found)
  }
  const { digest } = image.descriptor
  const referrers = await discoverReferrers(image, digest, { depth: 1, count, signal })
  return [...referrers, ...(await discoverLegacy(image, signal))]
}

interface DiscoveryStep {
  readonly depth: number
  /** Counts what is found; throws where it is too much. */
  readonly count: (more: number) => void
  readonly signal: AbortSignal
}

async function discoverReferrers(
  image: OpenImage,
  subject: Digest,
  { depth, count, signal }: DiscoveryStep,
): Promise<readonly AttachmentNode[]> {
  const referrers = await image.store.referrers(subject, { signal })
  count(referrers.length)
  return mapConcurrent(referrers, AT_ONCE, async (referrer) => {
    const node = await describeReferrer(image, { subject, referrer, signal })
    if (node.bundle !== undefined || depth === MAX_DEPTH) return node
    const deeper = { depth: depth + 1, count, signal }
    return { ...node, attached: await discoverReferrers(image, referrer.digest, deeper) }
  })
}

async function describeReferrer(
  { store }: OpenImage,
  request: {
    readonly subject: Digest
    readonly referrer: AddressedDescriptor
    readonly signal: AbortSignal
  },
): Promise<AttachmentNode> {
  const { digest, size, artifactType = 'unknown' } = request.referrer
  const node = { type: artifactType, digest, size, attached: [] }
  const isOpen = isVague(request.referrer.artifactType)
  if (!isOpen && !isBundle(artifactType)) return node
  try {
    const { artifactType: type, content } = await readAttachment(store, request)
    return { ...node, type, ...(isBundle(type) && describeBundle(content)) }
  } catch (thrown) {
    // Only what says to be a bundle fails by not being one.
    return isOpen ? node : { ...node, error: toErrorDocument(withTypedHint(thrown)) }
  }
}

function describeBundle(bytes: Uint8Array): Pick<AttachmentNode, 'bundle' | 'predicateType'> {
  const bundle = readBundleFacts(bytes)
  const { predicateType } = bundle
  return { bundle, ...(predicateType !== undefined && { predicateType }) }
}

async function discoverLegacy(
  { store, descriptor }: OpenImage,
  signal: AbortSignal,
): Promise<readonly AttachmentNode[]> {
  const target = { subject: descriptor.digest, signal }
  const [signatures, attestations] = await Promise.all([
    readLegacySignatures(store, target),
    readLegacyAttestations(store, target),
  ])
  return [
    ...signatures.map(({ payload }) => ({
      type: 'legacy signature',
      digest: digestOf(payload),
      size: payload.length,
      attached: [],
    })),
    ...attestations.map(({ envelope, predicateType }) => ({
      type: 'legacy attestation',
      digest: digestOf(envelope),
      size: envelope.length,
      predicateType,
      attached: [],
    })),
  ]
}

/** Describes the bundles of a file, as if they were attached to what it lies beside. */
export function discoverBundles(bundles: readonly Uint8Array[]): readonly AttachmentNode[] {
  return bundles.map((bytes) => {
    const node = { type: 'bundle file', digest: digestOf(bytes), size: bytes.length, attached: [] }
    try {
      return { ...node, ...describeBundle(bytes) }
    } catch (thrown) {
      return { ...node, error: toErrorDocument(withTypedHint(thrown)) }
    }
  })
}
