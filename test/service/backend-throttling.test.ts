/** A backend that throttles, seen from the client of a service: calls of all layers together, and what it is told. */
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createServiceClient, type ServiceClient } from '../../src/client/service-client.ts'
import { digestOf } from '../../src/crypto/digest.ts'
import type { KmsTerms } from '../../src/providers/awskms/calls.ts'
import { createAwsKmsProvider } from '../../src/providers/awskms/provider.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { OpenSigners } from '../../src/rotation/open-signers.ts'
import { type KmsDouble, startKmsDouble } from '../support/kms/double.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { virtualTerms } from '../support/kms/virtual-terms.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { serviceVersion } from '../support/service-keys.ts'
import { CREDENTIALS, SETTINGS, startService, WORKFLOW_CREDENTIALS } from '../support/service.ts'

const THROTTLED = { kind: 'error', name: 'ThrottlingException' } as const

let stack: AsyncDisposableStack
let double: KmsDouble

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  stack = new AsyncDisposableStack()
  double = stack.use(await startKmsDouble({ random: seededRandom(3) }))
  stubKmsEnvironment(double.credentials)
})

afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  await stack.disposeAsync()
})

/** A service with one key in KMS, whose signer it opens as it does its own. */
async function startWithKms(terms: Partial<KmsTerms> = {}): Promise<FastifyInstance> {
  const awskms = (): Promise<ReturnType<typeof createAwsKmsProvider>> =>
    Promise.resolve(createAwsKmsProvider({ terms: virtualTerms(terms) }))
  const providers = stack.use(createProviders({ awskms }))
  const { arn } = await double.addKey({ spec: 'ECC_NIST_P256' })
  const uri = `awskms://${double.endpoint}/${arn}`
  const opened = await providers.openKey(uri)
  const signers = new OpenSigners((...asked) => providers.openKey(...asked))
  const signer = await signers.open(serviceVersion('release', opened, { uri }))
  const settings = { ...SETTINGS, requestsPerMinute: 1e6 }
  const parts = { settings, stamperOf: () => undefined, now: () => new Date() }
  const { app } = await startService({
    keys: [{ name: 'release', use: 'artifact', signer }],
    parts,
  })
  return app
}

/** The client of the command line and the Action, on the app without a socket. */
function clientOf(app: FastifyInstance): ServiceClient {
  const inject: typeof fetch = async (url, init) => {
    const { pathname } = new URL(url instanceof Request ? url.url : url)
    const headers = init?.headers as Record<string, string>
    const answer = await app.inject({
      method: 'POST',
      url: pathname,
      headers,
      payload: typeof init?.body === 'string' ? init.body : '',
    })
    const shown = new Headers(Object.entries(answer.headers).map(([k, v]) => [k, String(v)]))
    return new Response(answer.rawPayload, { status: answer.statusCode, headers: shown })
  }
  const { now, random, pause } = virtualTerms().runtime
  const deadline = (): AbortSignal => new AbortController().signal
  const runtime = { fetch: inject, now, random, pause, deadline }
  const token = (): Promise<string> => Promise.resolve('let-me-in')
  return createServiceClient({ url: new URL('http://localhost'), token, runtime })
}

const artifact = (name: number): { digest: ReturnType<typeof digestOf>; kind: 'file' } => ({
  digest: digestOf(Buffer.from(`artifact ${name}`)),
  kind: 'file',
})

test.each([
  [0.2, 1.3],
  [0.5, 2.2],
])(
  'throttled at a share of %d, client, service and SDK together make at most %d calls a signature',
  async (share, most) => {
    const client = clientOf(await startWithKms())
    double.failShare('Sign', share, THROTTLED)

    let signed = 0
    for (let round = 0; round < 40; round += 1) {
      const batch = Array.from({ length: 5 }, (_, number) => artifact(round * 5 + number))
      const { results } = await client.sign('release', batch)
      signed += results.filter((result) => 'bundle' in result).length
    }

    expect(signed).toBe(200)
    expect((double.calls.get('Sign') ?? 0) / signed).toBeLessThanOrEqual(most)
  },
)

const post = (app: FastifyInstance, headers: Record<string, string>, count = 1) =>
  app.inject({
    method: 'POST',
    url: '/v1/keys/release/signatures',
    headers,
    payload: { artifacts: Array.from({ length: count }, (_, number) => artifact(number)) },
  })

test('a backend that throttles until the deadline is answered 429, with no name of its key', async () => {
  const app = await startWithKms()
  double.fail('Sign', THROTTLED)

  const answer = await post(app, CREDENTIALS)

  expect(answer.statusCode).toBe(429)
  expect(answer.headers['retry-after']).toBe('5')
  expect(answer.json()).toMatchObject({ code: 'ERR_THROTTLED', retryable: true })
  expect(answer.body).not.toContain('arn:')
})

test('a caller over the quota is answered 429 before KMS throttles, and another has its turn', async () => {
  const quotas = { ecc: 10, rsa: 10 }
  const app = await startWithKms({ quotas, startTimer: (run) => startSoon(run) })

  const greedy = await post(app, CREDENTIALS, 100)
  const polite = await post(app, WORKFLOW_CREDENTIALS)

  expect(greedy.statusCode).toBe(429)
  expect(Number(greedy.headers['retry-after'])).toBeGreaterThan(1)
  expect(polite.statusCode).toBe(200)
})

/** A timer in virtual time: the clock moves by what it waits. */
function startSoon(run: () => void): () => void {
  const timer = setImmediate(() => {
    vi.setSystemTime(Date.now() + 110)
    run()
  })
  return () => {
    clearImmediate(timer)
  }
}

test('an outage that opened the circuit is answered 503 with the time of the next try', async () => {
  const app = await startWithKms()
  double.fail('Sign', { kind: 'error', name: 'KMSInternalException', status: 500 })
  for (let round = 0; round < 6; round += 1) await post(app, CREDENTIALS)
  const calls = double.calls.get('Sign')

  const answer = await post(app, CREDENTIALS)

  expect(answer.statusCode).toBe(503)
  expect(['2', '3', '4']).toContain(answer.headers['retry-after'])
  expect(double.calls.get('Sign')).toBe(calls)
})

test('expired credentials of the service are its own fault, and those that follow are used', async () => {
  const app = await startWithKms()
  double.fail('Sign', { kind: 'error', name: 'ExpiredTokenException' })

  const expired = await post(app, CREDENTIALS)
  double.reset()
  const renewed = await post(app, CREDENTIALS)

  expect(expired.json()).toMatchObject({ status: 503, code: 'ERR_PROVIDER_UNAVAILABLE' })
  expect(renewed.statusCode).toBe(200)
})
