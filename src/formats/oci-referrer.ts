/**
 * The manifest that attaches an artifact to a subject (image-spec v1.1, manifest.md, "Guidelines for
 * Artifact Usage"), with the annotations cosign 3 puts on Sigstore bundles.
 *
 * @packageDocumentation
 */
import { digestOf } from '../crypto/digest.ts'
import {
  type Annotations,
  type Descriptor,
  serializeDescriptor,
  sortAnnotations,
} from './oci-descriptor.ts'
import { OCI_MANIFEST } from './oci-manifest.ts'
import { toUtcSeconds } from './time.ts'

/** The two bytes an artifact without a configuration has for one. */
export const EMPTY_CONFIG: Uint8Array = Buffer.from('{}')

/** Points to {@link EMPTY_CONFIG}. */
export const EMPTY_CONFIG_DESCRIPTOR: Descriptor = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  size: EMPTY_CONFIG.length,
  digest: digestOf(EMPTY_CONFIG),
}

/** As many bundles of one image are read, unless more are asked for. */
export const DEFAULT_MAX_ATTACHED = 500

/** As many can be asked for: a longer list of referrers is refused. */
export const MAX_ATTACHED = 10_000

/** What is attached to what. */
export interface ReferrerRequest {
  /** The image or index the artifact belongs to. */
  readonly subject: Descriptor
  readonly artifactType: string
  /** The one blob of the artifact. */
  readonly layer: Descriptor
  readonly annotations: Annotations
}

/**
 * Writes the manifest that attaches an artifact to a subject: the same bytes for the same request,
 * members in the order of go-containerregistry, annotations sorted as Go writes maps.
 */
export function createReferrerManifest(request: ReferrerRequest): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: serializeDescriptor(EMPTY_CONFIG_DESCRIPTOR),
      layers: [serializeDescriptor(request.layer)],
      annotations: sortAnnotations(request.annotations),
      subject: serializeDescriptor(bare(request.subject)),
      artifactType: request.artifactType,
    }),
  )
}

/** What the annotations of a bundle's manifest state. */
export interface BundleLabels {
  readonly content: 'dsse-envelope' | 'message-signature'
  /** Of the statement inside; absent for message signatures. */
  readonly predicateType?: string | undefined
  readonly created: Date
}

/** The annotations by which cosign 3 and sigstore-js find a bundle among an image's referrers. */
export function bundleAnnotations({ content, predicateType, created }: BundleLabels): Annotations {
  return {
    'dev.sigstore.bundle.content': content,
    ...(predicateType !== undefined && { 'dev.sigstore.bundle.predicateType': predicateType }),
    'org.opencontainers.image.created': toUtcSeconds(created),
  }
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}
