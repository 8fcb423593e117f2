import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import {
  type AddressedDescriptor,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/formats/oci-manifest.ts'
import { listImages } from '../../src/oci/index-walk.ts'
import { openImageLayout } from '../../src/oci/layout.ts'
import { createLayout } from '../support/image-layout.ts'
import { createImage, createIndex, type Image } from '../support/oci-content.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

async function walk(
  root: Image,
  ...others: readonly Image[]
): Promise<readonly AddressedDescriptor[]> {
  const hidden = others.map((image) => ({ image, hidden: true }))
  const store = await openImageLayout(createLayout({ image: root }, ...hidden), createTestRuntime())
  return listImages(store, root.descriptor)
}

/** An index with invented entries. */
function createRawIndex(manifests: readonly object[]): Image {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }))
  const descriptor = { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.length }
  return { descriptor, bytes, blobs: [] }
}

test('an image is a list of itself', async () => {
  const image = createImage()

  expect(await walk(createIndex())).toHaveLength(1)
  expect(await walk(image)).toEqual([image.descriptor])
})

test('the platform of an image is known from the index', async () => {
  const image = createImage()
  const { descriptor } = image
  const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' }

  const [, child] = await walk(createRawIndex([{ ...descriptor, platform }]), image)

  expect(child).toMatchObject({ digest: descriptor.digest, platform })
})

test('indexes nested deeper than eight are refused', async () => {
  const nest = (depth: number): Image[] => {
    const [inner, ...rest] = depth === 0 ? [createImage()] : nest(depth - 1)
    return inner === undefined ? [] : [createIndex(inner), inner, ...rest]
  }
  const [root = createImage(), ...others] = nest(9)

  await expect(walk(root, ...others)).rejects.toMatchObject({ code: 'ERR_MANIFEST_INVALID' })
})

test('over a thousand images are refused', async () => {
  const entries = Array.from({ length: 1000 }, (_, n) => ({
    mediaType: OCI_MANIFEST,
    digest: digestOf(Buffer.from(`${n}`)),
    size: 1,
  }))

  await expect(walk(createRawIndex(entries))).rejects.toMatchObject({ code: 'ERR_INPUT_TOO_LARGE' })
})

test('an entry whose digest cannot be checked is refused, not passed over', async () => {
  const index = createRawIndex([{ mediaType: OCI_MANIFEST, digest: 'blake3:abc', size: 1 }])

  await expect(walk(index)).rejects.toMatchObject({ code: 'ERR_MANIFEST_INVALID' })
})

test('a missing entry is an error, since its content is unknown', async () => {
  await expect(walk(createIndex(createImage()))).rejects.toMatchObject({
    code: 'ERR_ARTIFACT_NOT_FOUND',
  })
})

test('an entry of another size than it is listed with is refused', async () => {
  const image = createImage()
  const index = createRawIndex([{ ...image.descriptor, size: image.descriptor.size + 1 }])

  await expect(walk(index, image)).rejects.toMatchObject({ code: 'ERR_DIGEST_MISMATCH' })
})
