import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { OCI_MANIFEST } from '../../src/formats/oci-manifest.ts'
import { createReferrerManifest } from '../../src/formats/oci-referrer.ts'
import { readAttachments } from '../../src/oci/attachments.ts'
import type { OciStore } from '../../src/oci/artifact-store.ts'
import { openImageLayout } from '../../src/oci/layout.ts'
import { createLayout } from '../support/image-layout.ts'
import { BUNDLE, createImage } from '../support/oci-content.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

const subject = createImage().descriptor

/** A store that lists large bundles before a small one. */
async function createStore(largeBundles: number): Promise<OciStore> {
  const large = Buffer.alloc(30 * 1024 * 1024)
  const small = Buffer.from('{}')
  const bundles = [...Array.from({ length: largeBundles }, () => large), small]
  const manifests = bundles.map((content, index) =>
    createReferrerManifest({
      subject,
      artifactType: BUNDLE,
      layer: { mediaType: BUNDLE, digest: digestOf(Buffer.from(`${index}`)), size: content.length },
      annotations: { index: String(index) },
    }),
  )
  const layout = await openImageLayout(createLayout(), createTestRuntime())
  return Object.assign(Object.create(layout) as OciStore, {
    referrers: () =>
      Promise.resolve(
        manifests.map((bytes) => ({
          mediaType: OCI_MANIFEST,
          digest: digestOf(bytes),
          size: bytes.length,
          artifactType: BUNDLE,
        })),
      ),
    readManifest: (digest: string) => {
      const bytes = manifests.find((one) => digestOf(one) === digest)
      return Promise.resolve({ mediaType: OCI_MANIFEST, digest, bytes })
    },
    readBlob: ({ size }: { size: number }) => Promise.resolve(size === 2 ? small : large),
  })
}

test('large bundles beyond 256 MiB are reported as not read, and a small one is read all the same', async () => {
  const { attached, unreadable } = await readAttachments({
    store: await createStore(10),
    digest: subject.digest,
    format: 'bundle',
    predicateTypes: 'any',
    signal: new AbortController().signal,
  })

  const sizes = attached.map((one) => (one.kind === 'bundle' ? one.bytes.length : 0))
  expect(sizes.at(-1)).toBe(2)
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(256 * 1024 * 1024 + 2)
  expect(unreadable.map(({ error }) => error.code)).toEqual([
    'ERR_INPUT_TOO_LARGE',
    'ERR_INPUT_TOO_LARGE',
  ])
})
