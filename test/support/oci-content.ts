/** Images and artifacts for tests of registries and layouts. */
import { digestOf } from '../../src/crypto/digest.ts'
import { serializeDescriptor } from '../../src/formats/oci-descriptor.ts'
import {
  type AddressedDescriptor,
  OCI_INDEX,
  OCI_MANIFEST,
  serializeIndex,
} from '../../src/formats/oci-manifest.ts'

/** Media type of a Sigstore bundle. */
export const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** A manifest or index with its blobs, ready to be pushed. */
export interface Image {
  readonly descriptor: AddressedDescriptor
  readonly bytes: Uint8Array
  readonly blobs: readonly Uint8Array[]
}

/** An image with one layer; another name makes another image. */
export function createImage(name = 'app'): Image {
  const layer = Buffer.from(`layer of ${name}`)
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux' }))
  const describe = (mediaType: string, bytes: Uint8Array): object =>
    serializeDescriptor({ mediaType, size: bytes.length, digest: digestOf(bytes) })
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar', layer)],
  }
  const bytes = Buffer.from(JSON.stringify(manifest))
  return { descriptor: addressed(OCI_MANIFEST, bytes), bytes, blobs: [config, layer] }
}

/** An index of images. */
export function createIndex(...images: readonly Image[]): Image {
  const bytes = serializeIndex(images.map(({ descriptor }) => serializeDescriptor(descriptor)))
  return { descriptor: addressed(OCI_INDEX, bytes), bytes, blobs: [] }
}

/** An artifact to attach to an image. */
export function createArtifact(
  subject: AddressedDescriptor,
  name = 'bundle',
): {
  subject: AddressedDescriptor
  artifactType: string
  content: Uint8Array
  annotations: Record<string, string>
} {
  return {
    subject,
    artifactType: BUNDLE,
    content: Buffer.from(JSON.stringify({ name })),
    annotations: { 'org.example.name': name },
  }
}

function addressed(mediaType: string, bytes: Uint8Array): AddressedDescriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}
