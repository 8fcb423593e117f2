import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { digestOf } from '../../../src/crypto/digest.ts'
import { encodeTimestampRequest } from '../../../src/timestamp/request.ts'
import { readTimestampResponse } from '../../../src/timestamp/response.ts'
import { NOW, startService } from '../../support/service.ts'

const DIGEST = digestOf(Buffer.from('a signature'))
const QUERY = Buffer.from(encodeTimestampRequest(DIGEST, randomBytes(8)))

function request(payload: Buffer, type = 'application/timestamp-query') {
  const headers = { 'content-type': type }
  return { method: 'POST', url: '/v1/timestamps', headers, payload } as const
}

test('any client gets a time stamp, and the log records it', async () => {
  const { app, log } = await startService()

  const answer = await app.inject(request(QUERY))

  expect(answer.statusCode).toBe(200)
  expect(answer.headers).toMatchObject({
    'content-type': 'application/timestamp-reply',
    'cache-control': 'no-store',
  })
  const stamp = readTimestampResponse(answer.rawPayload)
  expect(stamp).toMatchObject({ digest: DIGEST, time: NOW })
  expect(await log()).toMatchObject([
    { type: 'timestamp', key: { name: 'tsa', version: 1 }, digest: DIGEST, serial: stamp.serial },
  ])
})

test('a request that cannot be stamped gets a rejection of RFC 3161', async () => {
  const { app, log } = await startService()

  const answer = await app.inject(request(Buffer.from('no request')))

  expect(answer.statusCode).toBe(200)
  expect(answer.headers['content-type']).toBe('application/timestamp-reply')
  expect(answer.rawPayload.subarray(0, 1)).toEqual(Buffer.from([0x30]))
  expect(await log()).toEqual([])
})

test('another media type is refused', async () => {
  const { app } = await startService()

  const json = await app.inject(request(Buffer.from('{}'), 'application/json'))
  const octets = await app.inject(request(QUERY, 'application/octet-stream'))

  expect([json.statusCode, octets.statusCode]).toEqual([415, 415])
  expect(json.json()).toMatchObject({ code: 'ERR_REQUEST_INVALID' })
})

test('a query far longer than any is refused unread', async () => {
  const { app } = await startService()

  const answer = await app.inject(request(Buffer.alloc(5000)))

  expect(answer.statusCode).toBe(413)
  expect(answer.json()).toMatchObject({ code: 'ERR_INPUT_TOO_LARGE' })
})

test('a service without a time-stamp key says so', async () => {
  const { app } = await startService({ keys: [{ name: 'release', use: 'artifact' }] })

  const answer = await app.inject(request(QUERY))

  expect(answer.statusCode).toBe(404)
  expect(answer.json()).toMatchObject({ code: 'ERR_KEY_NOT_FOUND' })
})
