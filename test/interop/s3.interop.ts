/** Our storage in S3, and a service with its anchor there, on an emulator whose authors never saw them. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LogSource, maxBytesOf, openStoredLog } from '../../src/log/source.ts'
import { verifyLog } from '../../src/log/verify-log.ts'
import { openS3Storage } from '../../src/storage/s3/s3-storage.ts'
import { parseS3Uri } from '../../src/storage/s3/uri.ts'
import { LOCALSTACK } from '../../tools/interop/peers.ts'
import { describeStorageContract } from '../storage/storage-contract.ts'
import { kmsEnvironment } from '../support/kms/environment.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { moveAll, openMovedLog } from '../support/moved-log.ts'
import { backUp, createFolder, putBack } from '../support/older-store.ts'
import { ServiceClient } from '../support/service-client.ts'
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { LOG_KEY } from '../support/signed-log.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { describeWith } from './support/needs.ts'
import type { RunningServer } from './support/program.ts'
import { startLocalstack } from './support/servers.ts'

const CREDENTIALS = { accessKeyId: 'any', secretAccessKey: 'any' }
const REGION = 'us-east-1'
const LONG = { timeout: 300_000 }

describeWith('S3 on localstack', [LOCALSTACK], () => {
  let server: RunningServer
  let buckets = 0

  beforeAll(async () => {
    stubKmsEnvironment(CREDENTIALS)
    server = await startLocalstack('s3')
  }, 300_000)

  afterAll(async () => {
    await server.stop()
  })

  /** Makes a bucket; answers the reference of something in it. */
  async function reference(key: string): Promise<string> {
    buckets += 1
    const Bucket = `bucket-${buckets}`
    const endpoint = `http://${server.host}`
    const client = new S3Client({ endpoint, region: REGION, forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket }))
    client.destroy()
    return `s3://${Bucket}/${key}?region=${REGION}&endpoint=${server.host}`
  }

  describeStorageContract('the storage', async () => {
    const uri = parseS3Uri(await reference('some/log'))
    return openS3Storage(uri, { connectMs: 30_000, requestMs: 30_000, isPathStyle: true })
  })

  test('a log whose full tiles are in a bucket verifies whole', LONG, async () => {
    const uri = parseS3Uri(await reference('log'))
    const storage = openS3Storage(uri, { connectMs: 30_000, requestMs: 30_000, isPathStyle: true })
    await using scene = await openMovedLog(`sqlite:${join(createTempFolder(), 'log.db')}`, storage)
    await scene.append(1200)

    await Promise.all([scene.mover(), scene.mover()].map(moveAll))

    expect(await scene.store.log.moved()).toBe(1024)
    const stored: LogSource = {
      name: 'the bucket',
      read: async (path) => (await storage.read(path, maxBytesOf(path)))?.bytes,
    }
    for (const source of [openStoredLog(scene.store.log), stored]) {
      const { entries } = await verifyLog({ source, log: { keys: [LOG_KEY] } })
      expect(entries).toEqual({ state: 1, signature: 1199 })
    }
  })

  test('a database that was put back signs nothing by the anchor in a bucket', LONG, async () => {
    const folder = createFolder({ log: { anchor: await reference('anchor.json') } })
    const env = kmsEnvironment(CREDENTIALS)
    const live = async (
      life: (client: ServiceClient) => Promise<void>,
    ): Promise<ServiceProcess> => {
      const service = await startServiceProcess(folder, { env })
      const { authorization } = folder
      await life(new ServiceClient({ address: service.url, authorization }))
      await service.kill()
      return service
    }
    await live(async () => Promise.resolve())
    backUp(folder)
    await live(async (client) => {
      expect(await client.revoke('release')).toMatchObject({ status: 200 })
    })
    putBack(folder)

    await live(async (client) => {
      expect(await client.sign()).toEqual({ status: 503, code: 'ERR_STORE_BEHIND' })
      expect(await client.failedChecks()).toContain('anchor ERR_STORE_BEHIND')
    })
  })
})
