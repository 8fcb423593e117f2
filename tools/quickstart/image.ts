/**
 * A container image on disk (OCI image layout 1.0), built from one layer: what skopeo or buildx would
 * write.
 *
 * @packageDocumentation
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { digestHex, digestOf } from '../../src/crypto/digest.ts'

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/**
 * Writes an image of one layer into a new folder and tags it.
 *
 * @param layer - a .tar.gz
 * @returns path of the manifest's blob
 */
export function writeImage(folder: string, layer: Uint8Array, tag: string): string {
  const blobs = join(folder, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  const put = (mediaType: string, content: Uint8Array): Descriptor => {
    const digest = digestOf(content)
    writeFileSync(join(blobs, digestHex(digest)), content)
    return { mediaType, digest, size: content.length }
  }
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

  const config = put(
    'application/vnd.oci.image.config.v1+json',
    json({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [digestOf(gunzipSync(layer))] },
    }),
  )
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const layers = [put('application/vnd.oci.image.layer.v1.tar+gzip', layer)]
  const manifest = put(mediaType, json({ schemaVersion: 2, mediaType, config, layers }))

  const annotations = { 'org.opencontainers.image.ref.name': tag }
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] }
  writeFileSync(join(folder, 'index.json'), json(index))
  writeFileSync(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  return join(blobs, manifest.digest.slice('sha256:'.length))
}
