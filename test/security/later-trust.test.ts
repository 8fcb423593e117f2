/** What a later release keeps on this machine is never taken for absent, nor read in part. */
import { expect, test } from 'vitest'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readPin } from '../../cli/trust/home.ts'
import { createDocumentFile } from '../../src/client/document-file.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const rootOf = (mediaType: string, more: object = {}): Uint8Array =>
  Buffer.from(JSON.stringify({ mediaType, ...more }))

test('a copy of a later release does not count as missing: it records what was seen last', async () => {
  const path = join(createTempFolder(), 'published.json')
  const file = createDocumentFile(path)
  const stored = { body: Buffer.from('x'), etag: undefined, fetchedAt: new Date(0) }
  await file.write({ ...stored, freshSeconds: 1, context: {} })
  expect(await codeOfAsync(() => file.read())).toBe('accepted')

  writeFileSync(path, JSON.stringify({ schema: 'countersign.cached-document.v2', parts: [] }))

  expect(await codeOfAsync(() => file.read())).toBe('ERR_FORMAT_UNSUPPORTED')
  writeFileSync(path, JSON.stringify({ schema: 'x' }))
  expect(await file.read()).toBeUndefined()
})

test('a pin of a later release does not count as missing', async () => {
  const folder = createTempFolder()
  const env = { COUNTERSIGN_HOME: folder }
  writeFileSync(join(folder, 'trust.json'), JSON.stringify({ schema: 'countersign.trust.v2' }))

  await expect(readPin({ env })).rejects.toMatchObject({
    code: 'ERR_FORMAT_UNSUPPORTED',
    message: expect.stringContaining('has version countersign.trust.v2, expected') as string,
  })
})

test.each([
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
  'application/vnd.dev.sigstore.trustedroot.v0.9+json',
])(
  'a trusted root of %s is read, and members that are not known are skipped',
  async (mediaType) => {
    expect(await parseTrustedRoot(rootOf(mediaType, { auditors: [{}] }))).toMatchObject({
      tlogs: [],
    })
  },
)

test.each([
  'application/vnd.dev.sigstore.trustedroot+json;version=1.0',
  'application/vnd.dev.sigstore.trustedroot.v1.0+json',
  'application/vnd.dev.sigstore.trustedroot.v23.1+json',
])('a trusted root of %s is refused', async (mediaType) => {
  expect(await codeOfAsync(() => parseTrustedRoot(rootOf(mediaType)))).toBe(
    'ERR_FORMAT_UNSUPPORTED',
  )
})
