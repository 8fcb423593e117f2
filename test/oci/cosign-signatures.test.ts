/** Signatures in the forms that cosign 2 writes. */
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { OCI_MANIFEST, parseImageManifest } from '../../src/formats/oci-manifest.ts'
import { EMPTY_CONFIG } from '../../src/formats/oci-referrer.ts'
import { SIMPLE_SIGNING_MEDIA_TYPE } from '../../src/formats/simple-signing.ts'
import { type AttachmentFormat, readAttachments } from '../../src/oci/attachments.ts'
import { readSignatureLayers } from '../../src/oci/legacy.ts'
import { createImage, type Image } from '../support/oci-content.ts'
import { createRegistryDouble } from '../support/registry/registry-double.ts'
import { openRegistry, pushImage } from './open-registry.ts'

const TYPE = 'application/vnd.dev.cosign.artifact.sig.v1+json'
const image = createImage()
const subject = image.descriptor
const payload = Buffer.from('{"critical":{}}')

/** A referrer as cosign 2 makes it with `--registry-referrers-mode=oci-1-1`. */
function createSignature(annotation: string): Image {
  const layer = {
    mediaType: SIMPLE_SIGNING_MEDIA_TYPE,
    digest: digestOf(payload),
    size: payload.length,
    annotations: { 'dev.cosignproject.cosign/signature': annotation },
  }
  const config = { mediaType: TYPE, digest: digestOf(EMPTY_CONFIG), size: EMPTY_CONFIG.length }
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer], subject }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length }
  return { descriptor, bytes, blobs: [payload, EMPTY_CONFIG] }
}

test.each<[AttachmentFormat, number]>([
  ['auto', 1],
  ['both', 1],
  ['legacy', 1],
  ['bundle', 0],
])('with --format %s, %i signature attached as a referrer is read', async (format, count) => {
  const double = await createRegistryDouble()
  await pushImage(double.host, image, { tag: 'v1' })
  await pushImage(double.host, createSignature('c2ln'))

  const found = await readAttachments({
    store: openRegistry(double.host),
    digest: subject.digest,
    format,
    predicateTypes: 'any',
  })

  expect(found.unreadable).toEqual([])
  expect(
    found.attached.map((one) =>
      one.kind === 'legacy-signature' ? Buffer.from(one.legacy.signature).toString() : one.kind,
    ),
  ).toEqual(Array.from({ length: count }, () => 'sig'))
})

test('line ends inside a signature are passed over', async () => {
  const double = await createRegistryDouble()
  const { bytes, ...signature } = createSignature('c2\r\nln\n')
  await pushImage(double.host, { bytes, ...signature })

  const store = openRegistry(double.host)
  const [found] = await readSignatureLayers(store, parseImageManifest(bytes), {})

  expect(Buffer.from(found?.signature ?? []).toString()).toBe('sig')
})
