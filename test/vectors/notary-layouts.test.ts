import { expect, test } from 'vitest'
import { parseDigest } from '../../src/crypto/digest.ts'
import { readAttachment } from '../../src/oci/attachment.ts'
import { openImageLayout } from '../../src/oci/layout.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { describeVectors, readVectorJson, vectorPath } from '../support/vectors.ts'

interface LayoutCase {
  readonly layout: string
  readonly referrers: readonly {
    readonly referrer: string
    readonly subject: string
    readonly artifactType: string
    readonly layer_mediaType: string
  }[]
}

describeVectors('notary', () => {
  const { layouts } = readVectorJson<{ layouts: readonly LayoutCase[] }>('notary/cases.json')

  test.each(layouts)('$layout: its referrers are found and read', async ({ layout, referrers }) => {
    const store = await openImageLayout(vectorPath(`notary/${layout}`), createTestRuntime())

    for (const expected of referrers) {
      const subject = parseDigest(expected.subject)
      expect((await store.resolve({ tag: 'v1' })).digest).toBe(subject)
      expect((await store.resolve({})).digest).toBe(subject)
      const listed = await store.referrers(subject)
      expect(listed.map(({ digest }) => digest)).toEqual([expected.referrer])
      for (const referrer of listed) {
        const { artifactType, mediaType } = await readAttachment(store, { subject, referrer })
        expect(artifactType).toBe(expected.artifactType)
        expect(mediaType).toBe(expected.layer_mediaType)
      }
    }
  })
})
