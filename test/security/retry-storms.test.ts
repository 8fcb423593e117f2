/** Retries that make an outage worse: answers say when to try again, and our client does not come earlier. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import type { Runtime } from '../../src/basics/runtime.ts'
import { createServiceClient } from '../../src/client/service-client.ts'
import { CountersignError, ERROR_TRAITS, type ErrorCode } from '../../src/errors.ts'
import { toBackendFault } from '../../src/providers/backend-fault.ts'
import { retryAfterSeconds } from '../../src/service/http/problem.ts'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

const CODES = Object.keys(ERROR_TRAITS) as ErrorCode[]
const isRetryable = (code: ErrorCode): boolean => ERROR_TRAITS[code].retryable

test.each(CODES.filter(isRetryable))('an answer with %s says when to try again', (code) => {
  expect(retryAfterSeconds(new CountersignError(code, 'failed'))).toBeGreaterThanOrEqual(1)
})

test.each(CODES.filter((code) => !isRetryable(code)))(
  'an answer with %s, which no retry cures, does not ask for one',
  (code) => {
    const error = new CountersignError(code, 'failed', { retryAfterSeconds: 7 })

    expect(retryAfterSeconds(error)).toBeUndefined()
  },
)

test.each([
  [0.2, 1],
  [0, 1],
  [12.1, 13],
  [1_000_000, 3600],
])('what a backend knows (%d s) is answered in whole seconds: %d', (known, answered) => {
  const refused = new CountersignError('ERR_THROTTLED', 'the quota is used up', {
    retryAfterSeconds: known,
  })

  const fault = toBackendFault(refused, 'the backend of release@1 does not sign')

  expect(fault).toMatchObject({ code: 'ERR_THROTTLED' })
  expect(retryAfterSeconds(fault)).toBe(answered)
})

test('a request that never becomes whole is told when to try again', async () => {
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: {},
    serve: { requestTimeout: '1s' },
  })
  const { address } = await runServer(folder)
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  socket.write('GET /livez HTTP/1.1\r\n')

  const [answer] = (await once(socket, 'data')) as [Buffer]

  expect(answer.toString()).toMatch(/^HTTP\/1\.1 408 /)
  expect(answer.toString()).toMatch(/\r\nretry-after: [1-9]\d*\r\n/)
})

test.each([
  ['90', [90_000]],
  ['121', []],
])('our client waits Retry-After: %s, or does not retry', async (seconds, pauses) => {
  const refused = { status: 503, headers: { 'retry-after': seconds } }
  const answers = [new Response('', refused), new Response('', { status: 400 })]
  const fetched: Runtime['fetch'] = () => Promise.resolve(answers.shift() ?? Response.error())
  const runtime = createTestRuntime({ fetch: fetched, random: () => 0 })
  const url = new URL('https://sign.example.com')
  const client = createServiceClient({ url, token: () => Promise.resolve('t'), runtime })

  const thrown: unknown = await client
    .issueToken('k', { audience: 'a' })
    .catch((error: unknown) => error)

  expect(runtime.pauses).toEqual(pauses)
  expect(thrown).toMatchObject(
    pauses.length === 0 ? { code: 'ERR_OVERLOADED', retryAfterSeconds: 121 } : { retryable: false },
  )
})
