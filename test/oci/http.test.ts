import { expect, test } from 'vitest'
import { createHttpClient, type HttpRequest, type HttpResponse } from '../../src/oci/http.ts'
import { createRuntime } from '../../src/basics/runtime.ts'
import { type Fault, flood, hangUp, refuse, truncate } from '../support/registry/faults.ts'
import { createRegistryDouble, type RegistryDouble } from '../support/registry/registry-double.ts'
import { createTestRuntime, type TestRuntime } from '../support/test-runtime.ts'

interface Setup {
  readonly double: RegistryDouble
  readonly runtime: TestRuntime
  readonly get: (path?: string, more?: Partial<HttpRequest>) => Promise<HttpResponse>
}

async function setUp(...faults: Fault[]): Promise<Setup> {
  const double = await createRegistryDouble({ faults })
  const runtime = createTestRuntime({ random: () => 0.5 })
  const origin = `http://${double.host}`
  const http = createHttpClient({ runtime, maxTries: 3 })
  const get = (path = '/thing', more: Partial<HttpRequest> = {}): Promise<HttpResponse> =>
    http({ method: 'GET', url: new URL(path, origin), maxBytes: 1000, ...more })
  return { double, runtime, get }
}

const ok = refuse(200, {}, 'fine')

test.each([408, 429, 500, 502, 503, 504])('%i is asked again until it passes', async (status) => {
  const { double, get } = await setUp(
    { on: /thing/, times: 2, answer: refuse(status) },
    { on: /thing/, answer: ok },
  )

  expect(Buffer.from((await get()).body).toString()).toBe('fine')
  expect(double.requests).toHaveLength(3)
})

test.each([400, 401, 403, 404, 405, 409, 412, 501])('%i is an answer', async (status) => {
  const { double, get } = await setUp({ on: /thing/, answer: refuse(status) })

  expect((await get()).status).toBe(status)
  expect(double.requests).toHaveLength(1)
})

test('a persistent refusal is returned after all attempts', async () => {
  const { double, runtime, get } = await setUp({ on: /thing/, answer: refuse(503) })

  expect((await get()).status).toBe(503)
  expect(double.requests).toHaveLength(3)
  // Half of a range that doubles.
  expect(runtime.pauses).toEqual([250, 500])
})

test.each([
  ['seconds', '7', 7000],
  ['a date', 'Sun, 22 Nov 2026 00:00:09 GMT', 9000],
  ['more than one wait', '90', 30_000],
  ['a date long past', 'Sun, 22 Nov 2020 00:00:00 GMT', 0],
  ['nonsense', 'soon', 0],
])('Retry-After in %s is honoured', async (_what, value, milliseconds) => {
  const { runtime, get } = await setUp(
    { on: /thing/, times: 1, answer: refuse(429, { 'retry-after': value }) },
    { on: /thing/, answer: ok },
  )

  await get()

  expect(runtime.pauses).toEqual([milliseconds + 250])
})

test.each([
  ['hangs up', hangUp],
  ['sends less than it promised', truncate],
])('a server that %s is asked again', async (_what, answer) => {
  const { double, get } = await setUp(
    { on: /thing/, times: 1, answer },
    { on: /thing/, answer: ok },
  )

  expect((await get()).status).toBe(200)
  expect(double.requests).toHaveLength(2)
})

test('a connection that never works is a network error', async () => {
  const { double, get } = await setUp({ on: /thing/, answer: hangUp })

  await expect(get()).rejects.toMatchObject({ code: 'ERR_NETWORK' })
  expect(double.requests).toHaveLength(3)
})

test('a closed port is a network error that says so', async () => {
  const { double, get } = await setUp()
  const { host } = double
  await double.stop()

  await expect(get(`http://${host}/thing`)).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining('ECONNREFUSED') as string,
  })
  await double.start()
})

test('a host without an address is not asked for twice', async () => {
  const { runtime, get } = await setUp()

  await expect(get('http://no-such-host.invalid/')).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    hint: 'check the name of the registry and DNS',
  })
  expect(runtime.pauses).toEqual([])
})

test('a server that never answers is a timeout, asked once', async () => {
  const { double, runtime, get } = await setUp()
  double.switches.faults.push({ on: /thing/, answer: runtime.expire })

  await expect(get()).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(double.requests).toHaveLength(1)
})

test('the deadline covers an answer that never ends', async () => {
  const { double, runtime, get } = await setUp()
  const answer: Fault['answer'] = (response) => {
    response.writeHead(200)
    response.write('a', runtime.expire)
  }
  double.switches.faults.push({ on: /thing/, answer })

  await expect(get()).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
})

test('a caller that aborts gets ERR_CANCELLED', async () => {
  const controller = new AbortController()
  const { get } = await setUp({
    on: /thing/,
    answer: () => {
      controller.abort()
    },
  })

  await expect(get('/thing', { signal: controller.signal })).rejects.toMatchObject({
    code: 'ERR_CANCELLED',
  })
})

test('a pause before the next attempt ends when the caller aborts', async () => {
  const { pause } = createRuntime(() => 0)
  const controller = new AbortController()
  const waiting = pause(60_000, controller.signal)
  controller.abort()

  await expect(waiting).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
})

test('an answer over its bound is refused, and not read to its end', async () => {
  const { get } = await setUp({ on: /thing/, answer: flood })

  await expect(get()).rejects.toMatchObject({
    code: 'ERR_INPUT_TOO_LARGE',
    details: { maxBytes: 1000 },
  })
})

test('only the start of an error response is read', async () => {
  const { get } = await setUp({ on: /thing/, answer: refuse(404, {}, 'x'.repeat(1_000_000)) })

  expect((await get()).body).toHaveLength(64 * 1024)
})

test('redirects are followed, the method kept where it must be', async () => {
  const { double, get } = await setUp(
    { on: /thing/, answer: refuse(307, { location: 'there?a=b' }) },
    { on: /there/, answer: ok },
  )

  const answer = await get('/thing', { method: 'PUT', body: Buffer.from('body') })

  expect(answer.url.href).toBe(`http://${double.host}/there?a=b`)
  expect(double.requests.map(({ method }) => method)).toEqual(['PUT', 'PUT'])
})

test.each<[string, ReturnType<typeof refuse>, Partial<HttpRequest>]>([
  ['to itself', refuse(302, { location: '/thing' }), {}],
  ['to nowhere', refuse(302), {}],
  ['to no address', refuse(302, { location: 'http://[' }), {}],
  ['to another protocol', refuse(302, { location: 'ftp://example/' }), {}],
  ['out of loopback in the clear', refuse(302, { location: 'http://example.com/' }), {}],
  ['that would turn a PUT into a GET', refuse(302, { location: '/there' }), { method: 'PUT' }],
])('a redirect %s breaks the protocol', async (_what, answer, more) => {
  const { get } = await setUp({ on: /thing/, answer })

  await expect(get('/thing', more)).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' })
})
