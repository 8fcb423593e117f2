import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import type { Runtime } from '../../src/basics/runtime.ts'
import { createServiceClient, type ServiceClient } from '../../src/client/service-client.ts'
import { codeOf, codeOfAsync } from '../support/errors.ts'
import {
  type LoopbackAnswer,
  type LoopbackServer,
  startLoopbackServer,
} from '../support/loopback-server.ts'
import { createTestRuntime, type TestRuntime } from '../support/test-runtime.ts'

const digest = digestOf(Buffer.from('a release'))
const by = { key: 'release', version: 2, kid: 'kid' }
const bundle = { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }
const made = JSON.stringify({ ...by, results: [{ digest, bundle, logIndex: 7 }] })

const problem = (status: number, code: string, more: object = {}): LoopbackAnswer => ({
  status,
  body: JSON.stringify({ code, detail: 'the service says so', requestId: 'r1', ...more }),
  contentType: 'application/problem+json',
})

/** A client of a service that gives these answers one after the other, the last one for ever. */
async function createScene(...answers: readonly [LoopbackAnswer, ...LoopbackAnswer[]]): Promise<{
  readonly client: ServiceClient
  readonly server: LoopbackServer
  readonly runtime: TestRuntime
}> {
  let next = 0
  const server = await startLoopbackServer(() => {
    const answer = answers[Math.min(next, answers.length - 1)] ?? answers[0]
    next += 1
    return answer
  })
  const runtime = createTestRuntime()
  let tokens = 0
  const token = (): Promise<string> => Promise.resolve(`token-${(tokens += 1)}`)
  const client = createServiceClient({ url: new URL(server.url), token, runtime })
  return { client, server, runtime }
}

const sign = (client: ServiceClient): Promise<unknown> =>
  client.sign('release', [{ digest, kind: 'file' }])

test('artifacts are signed with the caller’s token under an Idempotency-Key', async () => {
  const { client, server } = await createScene({ status: 200, body: made })

  const signed = await client.sign('my key', [{ digest, kind: 'file', name: 'app' }])

  expect(signed).toEqual({ ...by, results: [{ digest, bundle, logIndex: 7 }] })
  const [request] = server.requests
  expect(request?.path).toBe('/v1/keys/my%20key/signatures')
  expect(request?.headers).toMatchObject({ authorization: 'Bearer token-1' })
  expect(request?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/)
  expect(JSON.parse(request?.body.toString() ?? '')).toEqual({
    artifacts: [{ digest, kind: 'file', name: 'app' }],
  })
})

test('a retry sends the same key, gets a fresh token and waits for Retry-After', async () => {
  const { client, server, runtime } = await createScene(
    problem(503, 'ERR_OVERLOADED'),
    problem(429, 'ERR_THROTTLED'),
    { status: 200, body: made },
  )

  await client.sign('release', [{ digest, kind: 'file' }], { idempotencyKey: 'one wish' })

  const headers = server.requests.map((request) => request.headers)
  expect(headers.map((one) => one['idempotency-key'])).toEqual(Array(3).fill('one wish'))
  expect(headers.map(({ authorization }) => authorization)).toEqual([
    'Bearer token-1',
    'Bearer token-2',
    'Bearer token-3',
  ])
  expect(runtime.pauses).toHaveLength(2)
})

test('a token that is refused is renewed once', async () => {
  const refusal = problem(401, 'ERR_NOT_AUTHENTICATED')
  const renewed = await createScene(refusal, { status: 200, body: made })
  const refused = await createScene(refusal)

  await sign(renewed.client)

  expect(await codeOfAsync(() => sign(refused.client))).toBe('ERR_NOT_AUTHENTICATED')
  for (const { server } of [renewed, refused]) {
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ])
  }
})

test('a token that stays the same is refused once', async () => {
  const server = await startLoopbackServer(() => problem(401, 'ERR_NOT_AUTHENTICATED'))
  const [url, runtime] = [new URL(server.url), createTestRuntime()]
  const client = createServiceClient({ url, token: () => Promise.resolve('t'), runtime })

  expect(await codeOfAsync(() => sign(client))).toBe('ERR_NOT_AUTHENTICATED')
  expect(server.requests).toHaveLength(1)
})

test('Retry-After is honoured', async () => {
  const answers = [new Response('', { status: 503, headers: { 'retry-after': '7' } })]
  const fetched: Runtime['fetch'] = () =>
    Promise.resolve(answers.shift() ?? new Response(made, { status: 200 }))
  const runtime = createTestRuntime({ fetch: fetched, random: () => 0 })
  const url = new URL('https://sign.example.com/countersign')
  const client = createServiceClient({ url, token: () => Promise.resolve('t'), runtime })

  await sign(client)

  expect(runtime.pauses).toEqual([7000])
})

test('an error that must not be retried is thrown at once, unchanged', async () => {
  const { client, server } = await createScene(
    problem(403, 'ERR_NOT_ALLOWED', { hint: 'ask\u001b[2J an administrator' }),
  )

  await expect(sign(client)).rejects.toMatchObject({
    code: 'ERR_NOT_ALLOWED',
    message: 'the service says so',
    hint: 'ask [2J an administrator',
    details: { requestId: 'r1' },
  })
  expect(server.requests).toHaveLength(1)
})

test('a service with a persistent failure is asked four times', async () => {
  const { client, server } = await createScene(problem(503, 'ERR_LOG_UNAVAILABLE'))

  expect(await codeOfAsync(() => sign(client))).toMatch(/^ERR_(LOG_UNAVAILABLE|OVERLOADED)$/)
  expect(server.requests).toHaveLength(4)
})

test.each([
  [401, 'ERR_NOT_AUTHENTICATED'],
  [404, 'ERR_ROUTE_NOT_FOUND'],
  [302, 'ERR_REQUEST_INVALID'],
  [502, 'ERR_NETWORK'],
])('an answer %i without a problem document is %s', async (status, code) => {
  const { client } = await createScene({ status, body: '<html>', contentType: 'text/html' })

  expect(await codeOfAsync(() => sign(client))).toBe(code)
})

test.each([
  ['[]'],
  ['not JSON'],
  [JSON.stringify({ ...by, results: [] })],
  [JSON.stringify({ ...by, results: [{ digest: 'sha256:00', bundle, logIndex: 7 }] })],
  [JSON.stringify({ ...by, results: [{ digest, bundle, logIndex: -1 }] })],
  [JSON.stringify({ ...by, results: [{ digest, problem: { code: 'NONSENSE' } }] })],
])('the answer %s does not match the request', async (body) => {
  const { client } = await createScene({ status: 200, body })

  expect(await codeOfAsync(() => sign(client))).toBe('ERR_JSON_INVALID')
})

test('one artifact may fail beside others', async () => {
  const results = [{ digest, problem: { code: 'ERR_KEY_REVOKED', detail: 'revoked' } }]
  const { client } = await createScene({ status: 200, body: JSON.stringify({ ...by, results }) })

  const signed = await client.sign('release', [{ digest, kind: 'file' }])

  expect(signed.results).toMatchObject([{ digest, error: { code: 'ERR_KEY_REVOKED' } }])
})

test('attestations and tokens are read as their own types', async () => {
  const attested = { ...by, bundle, logIndex: 1, predicateType: 'https://slsa.dev/provenance/v1' }
  const token = { ...by, token: 'a.b.c', jti: 'j', expires: '2026-01-01T00:00:00Z', logIndex: 2 }
  const { client } = await createScene(
    { status: 200, body: JSON.stringify(attested) },
    { status: 201, body: JSON.stringify(token) },
    { status: 200, body: JSON.stringify({ ...token, expires: 'soon' }) },
  )

  expect(await client.attest('release', { subjects: [{ digest }], provenance: true })).toEqual(
    attested,
  )
  const issued = await client.issueToken('sessions', { audience: 'https://api.example.com' })
  expect(issued).toMatchObject({ token: 'a.b.c', expires: new Date('2026-01-01T00:00:00Z') })
  const again = (): Promise<unknown> => client.issueToken('sessions', { audience: 'a' })
  expect(await codeOfAsync(again)).toBe('ERR_JSON_INVALID')
})

test('a cancelled call is not tried again', async () => {
  const { client, server } = await createScene(problem(503, 'ERR_OVERLOADED'))
  const call = client.sign('release', [{ digest, kind: 'file' }], { signal: AbortSignal.abort() })

  expect(await codeOfAsync(() => call)).toBe('ERR_CANCELLED')
  expect(server.requests).toHaveLength(0)
})

test('a token is sent over https alone, or to this machine', () => {
  const create = (url: string): string =>
    codeOf(() =>
      createServiceClient({
        url: new URL(url),
        token: () => Promise.resolve('t'),
        runtime: createTestRuntime(),
      }),
    )

  expect(create('https://sign.example.com')).toBe('accepted')
  expect(create('http://[::1]:8080')).toBe('accepted')
  expect(create('http://sign.example.com')).toBe('ERR_USAGE')
  expect(create('http://127.0.0.1.example.com')).toBe('ERR_USAGE')
})

test('the reason of a refusal travels, and of an approval only what is safe to type', async () => {
  const approval = { approvalId: 'a-1', requestSha256: 'ab; rm -rf ~' }
  const { client } = await createScene(
    problem(403, 'ERR_APPROVAL_REQUIRED', { reason: 'approvals-missing', approval }),
    problem(403, 'ERR_NOT_ALLOWED', { reason: 'made-up' }),
  )

  const refused = { reason: 'approvals-missing', details: { requestId: 'r1', approvalId: 'a-1' } }
  const first = await sign(client).catch((error: unknown) => error)
  expect(first).toMatchObject(refused)
  expect(first).not.toHaveProperty('details.requestSha256')
  await expect(sign(client)).rejects.toMatchObject({ reason: undefined })
})
