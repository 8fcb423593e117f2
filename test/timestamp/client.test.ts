import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { createTimestampClient } from '../../src/timestamp/client.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { createTestAuthority, STAMP_TIME } from '../support/time-stamps.ts'

const SIGNATURE = Buffer.from('a signature')
const REPLY = 'application/timestamp-reply'

type Answer = (query: Uint8Array) => Response | Promise<Response>

/** Stamps with an external authority that gives a set answer. */
async function stamp(
  answer: Answer,
): ReturnType<ReturnType<typeof createTimestampClient>['stampSignature']> {
  const runtime = createTestRuntime({
    fetch: async (_url, init) =>
      answer(new Uint8Array(await new Response(init?.body).arrayBuffer())),
  })
  const url = new URL('http://tsa.example.com/stamp')
  return createTimestampClient({ url, runtime }).stampSignature(SIGNATURE)
}

const code = (answer: Answer): Promise<string> => codeOfAsync(() => stamp(answer))

const reply = (body: Uint8Array, status = 200, type = REPLY): Response =>
  new Response(Uint8Array.from(body), { status, headers: { 'content-type': type } })

const { authority } = createTestAuthority()
const respond = async (query: Uint8Array): Promise<Uint8Array> =>
  (await authority.respond(query)).response

test('a signature is stamped by an authority elsewhere', async () => {
  const given = await stamp(async (query) => reply(await respond(query)))

  expect(given.time).toEqual(STAMP_TIME)
  expect(given.digest).toBe(digestOf(SIGNATURE))
  expect(given.serial).toMatch(/^[0-9a-f]{32}$/)
})

test('a time stamp of another signature or another request is refused', async () => {
  const other = await authority.stampSignature(Buffer.from('another'))
  const replayed = await authority.stampSignature(SIGNATURE)

  expect(await code(() => reply(other.response))).toBe('ERR_TIMESTAMP_INVALID')
  expect(await code(() => reply(replayed.response))).toBe('ERR_TIMESTAMP_INVALID')
})

test('a refusal is reported in the authority’s words', async () => {
  const refusing = stamp(async () => reply(await respond(Buffer.from('nonsense'))))

  await expect(refusing).rejects.toMatchObject({
    code: 'ERR_TIMESTAMP_INVALID',
    message: expect.stringContaining('the request is not valid DER') as unknown,
  })
})

test.each([
  ['ERR_THROTTLED', (): Response => reply(Buffer.alloc(0), 429)],
  ['ERR_NETWORK', (): Response => reply(Buffer.alloc(0), 502)],
  ['ERR_NETWORK', (): Response => reply(Buffer.alloc(70_000))],
  ['ERR_TIMESTAMP_INVALID', (): Response => reply(Buffer.alloc(10), 200, 'text/html')],
  ['ERR_TIMESTAMP_INVALID', (): Response => reply(Buffer.alloc(10))],
] as const)('%s is the end of an answer that can’t be used', async (expected, answer) => {
  expect(await code(answer)).toBe(expected)
})

test('an authority that does not answer is not waited for', async () => {
  const failed = new TypeError('fetch failed', {
    cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
  })
  expect(await code(() => Promise.reject(failed))).toBe('ERR_NETWORK')

  const deadline = (): AbortSignal => AbortSignal.abort()
  const runtime = createTestRuntime({ deadline })
  const url = new URL('http://127.0.0.1:9')
  const client = createTimestampClient({ url, runtime })
  expect(await codeOfAsync(() => client.stampSignature(SIGNATURE))).toBe('ERR_TIMEOUT')
})
