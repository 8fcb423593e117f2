/** OCI image layouts on disk, as other tools write them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestHex, digestOf } from '../../src/crypto/digest.ts'
import { serializeDescriptor } from '../../src/formats/oci-descriptor.ts'
import { serializeIndex } from '../../src/formats/oci-manifest.ts'
import type { Image } from './oci-content.ts'
import { createTempFolder } from './temp-folder.ts'

/** An image of a layout, listed in index.json unless it is `hidden`. */
export interface LayoutImage {
  readonly image: Image
  readonly tag?: string
  readonly hidden?: boolean
}

/** Writes a layout into a folder that is removed when the running test ends. */
export function createLayout(...images: readonly LayoutImage[]): string {
  const folder = createTempFolder()
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  for (const { image } of images) {
    for (const blob of [image.bytes, ...image.blobs]) {
      writeFileSync(join(folder, 'blobs/sha256', digestHex(digestOf(blob))), blob)
    }
  }
  const entries = images
    .filter(({ hidden }) => hidden !== true)
    .map(({ image: { descriptor }, tag }) => {
      const annotations =
        tag === undefined ? undefined : { 'org.opencontainers.image.ref.name': tag }
      return serializeDescriptor({ ...descriptor, annotations })
    })
  writeFileSync(join(folder, 'index.json'), serializeIndex(entries))
  return folder
}
