/** A machine that is put back to an earlier state as a whole: the anchor in a bucket is not put back with it. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { parseAnchor } from '../../src/rotation/anchor.ts'
import { codeOfAsync } from '../support/errors.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { backUp, clientOf, createFolder, live, putBack } from '../support/older-store.ts'
import { s3Error, type S3Double, startS3Double } from '../support/s3-double.ts'
import { runServer } from '../support/server.ts'
import type { Verdict } from '../support/service-client.ts'
import type { ServiceFolder } from '../support/service-folder.ts'
import { SOON } from '../support/soon.ts'

const RELEASED: Verdict = { status: 200, code: undefined }
const BEHIND: Verdict = { status: 503, code: 'ERR_STORE_BEHIND' }

async function bucketFolder(): Promise<{ folder: ServiceFolder; bucket: S3Double }> {
  const bucket = await startS3Double()
  stubKmsEnvironment({ accessKeyId: 'any', secretAccessKey: 'any' })
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  const anchor = `s3://bucket/anchors/a.json?endpoint=${bucket.endpoint}`
  return { folder: createFolder({ log: { anchor } }), bucket }
}

test('a database restored with everything beside it signs nothing', async () => {
  const { bucket, folder } = await bucketFolder()
  await live(folder, async () => Promise.resolve())
  backUp(folder)
  await live(folder, async (client) => {
    expect(await client.revoke('release')).toEqual(RELEASED)
  })
  putBack(folder)

  const client = clientOf(await runServer(folder), folder)

  expect(await client.sign()).toEqual(BEHIND)
  expect(await client.failedChecks()).toContain('anchor ERR_STORE_BEHIND')
  expect([...bucket.objects.keys()]).toEqual(['anchors/a.json'])
})

test('a service does not start while the bucket denies access to the anchor', async () => {
  const { bucket, folder } = await bucketFolder()
  await live(folder, async () => Promise.resolve())
  bucket.failing = s3Error(403, 'AccessDenied')

  expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_STORE_UNAVAILABLE')
})

test('a revocation does not wait for the bucket, which gets it once it answers again', async () => {
  const { bucket, folder } = await bucketFolder()
  await live(folder, async (client) => {
    bucket.failing = s3Error(403, 'AccessDenied')
    expect(await client.revoke('release')).toEqual(RELEASED)
    expect(await client.failedChecks()).toContain('anchor ERR_STORE_UNAVAILABLE')
    bucket.failing = undefined
    await expect.poll(() => client.failedChecks(), SOON).toEqual([])
  })

  const stored = bucket.objects.get('anchors/a.json') ?? new Uint8Array()
  expect(parseAnchor(stored).revoked.size).toBe(1)
})
