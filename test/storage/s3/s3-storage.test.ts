import { expect, test, vi } from 'vitest'
import { openS3Storage } from '../../../src/storage/s3/s3-storage.ts'
import { parseS3Uri } from '../../../src/storage/s3/uri.ts'
import type { ObjectStorage } from '../../../src/storage/object-storage.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { s3Error, type S3Double, startS3Double } from '../../support/s3-double.ts'
import { describeStorageContract } from '../storage-contract.ts'

const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-test' }

function open({ endpoint }: S3Double, requestMs = 5000): ObjectStorage {
  stubKmsEnvironment(CREDENTIALS)
  const uri = parseS3Uri(`s3://bucket/some/log?region=eu-west-1&endpoint=${endpoint}`)
  return openS3Storage(uri, { connectMs: requestMs, requestMs, isPathStyle: true })
}

describeStorageContract('S3', async () => open(await startS3Double()))

test('objects lie under the prefix of the reference, with the headers that caches read', async () => {
  const double = await startS3Double()
  const headers = { contentType: 'application/octet-stream', cacheControl: 'public, max-age=60' }

  await open(double).write('tile/0/000', Buffer.from('x'), { seen: undefined, headers })

  expect([...double.objects.keys()]).toEqual(['some/log/tile/0/000'])
  expect(double.requests.at(-1)?.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'cache-control': 'public, max-age=60',
  })
})

test('a bucket that refuses or fails is a store that does not answer, and no secret is in the error', async () => {
  const double = await startS3Double()
  const storage = open(double)
  for (const failing of [
    s3Error(403, 'AccessDenied'),
    s3Error(403, 'SignatureDoesNotMatch'),
    s3Error(404, 'NoSuchBucket'),
    s3Error(500, 'InternalError'),
    { status: 502, body: '<html>proxy</html>', contentType: 'text/html' },
  ]) {
    double.failing = failing
    const error: unknown = await storage.read('checkpoint', 10).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(JSON.stringify(error)).not.toContain(CREDENTIALS.secretAccessKey)
    const written = storage.write('checkpoint', Buffer.from('x'), { seen: undefined })
    expect(await codeOfAsync(() => written)).toBe('ERR_STORE_UNAVAILABLE')
  }
})

test('renewed credentials are used once S3 refuses those at hand', async () => {
  const double = await startS3Double()
  const storage = open(double)
  await storage.write('a', Buffer.from('x'), { seen: undefined })
  double.failing = s3Error(403, 'InvalidAccessKeyId')
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDRENEWED')

  await storage.read('a', 10).catch(() => undefined)

  expect(double.requests.at(-1)?.headers.authorization).toContain('AKIDRENEWED')
})
