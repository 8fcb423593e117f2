/** What a service gets out of a KMS that throttles, fails and recovers, in virtual time and counted calls. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { byDepth } from '../../../tools/test/depth.ts'
import { CountersignError } from '../../../src/errors.ts'
import { createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import type { KmsTerms } from '../../../src/providers/awskms/calls.ts'
import type { Signer } from '../../../src/signing/signer.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { virtualTerms } from '../../support/kms/virtual-terms.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const MESSAGE = new TextEncoder().encode('what is signed')
const DEADLINE_MS = 30_000
const THROTTLED = { kind: 'error', name: 'ThrottlingException' } as const
const BROKEN = { kind: 'error', name: 'KMSInternalException', status: 500 } as const

let stack: AsyncDisposableStack
let double: KmsDouble

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  stack = new AsyncDisposableStack()
  double = stack.use(await startKmsDouble({ random: seededRandom(11) }))
  stubKmsEnvironment(double.credentials)
})

afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  await stack.disposeAsync()
})

async function openSigner(terms: Partial<KmsTerms> = {}, spec = 'ECC_NIST_P256'): Promise<Signer> {
  const provider = stack.use(createAwsKmsProvider({ terms: virtualTerms(terms) }))
  const { arn } = await double.addKey({ spec })
  return provider.open({ scheme: 'awskms', endpoint: double.endpoint, keyId: arn })
}

async function attempt(signer: Signer, seconds = DEADLINE_MS / 1000): Promise<unknown> {
  const until = Date.now() + seconds * 1000
  return signer.sign(MESSAGE, { until }).then(
    () => (Date.now() <= until ? 'signed' : 'late'),
    (error: unknown) => error,
  )
}

interface Outcome {
  readonly signed: number
  readonly calls: number
}

async function signMany(signer: Signer, count: number): Promise<Outcome> {
  let signed = 0
  for (let made = 0; made < count; made += 1) {
    if ((await attempt(signer)) === 'signed') signed += 1
  }
  return { signed, calls: double.calls.get('Sign') ?? 0 }
}

test.each([
  [0.2, 1.3],
  [0.5, 2.2],
])('throttled at a share of %d, a signature takes at most %d calls', async (share, most) => {
  const signer = await openSigner()
  double.failShare('Sign', share, THROTTLED)

  const { signed, calls } = await signMany(signer, 400)

  expect(signed).toBe(400)
  expect(calls / signed).toBeLessThanOrEqual(most)
})

test('at 50 % throttling and 30 % failures, 999 of 1000 signatures are in time', async () => {
  const signer = await openSigner()
  double.failShare('Sign', 0.5, THROTTLED)
  // Of all requests: three fifths of those that are not throttled.
  double.failShare('Sign', 0.6, BROKEN)

  const count = byDepth(process.env, 400, 2000)

  const { signed } = await signMany(signer, count)

  expect(signed / count).toBeGreaterThanOrEqual(0.999)
}, 120_000)

test('where everything is throttled, the deadline ends it with what KMS said', async () => {
  const signer = await openSigner()
  double.failShare('Sign', 1, THROTTLED)

  const first = await attempt(signer)
  const calls = double.calls.get('Sign') ?? 0
  await attempt(signer)

  expect(first).toMatchObject({ code: 'ERR_THROTTLED', details: { provider: 'awskms' } })
  expect(calls).toBeLessThan(70)
  // Nothing succeeded for long, so that a second request asks far less often.
  expect((double.calls.get('Sign') ?? 0) - calls).toBeLessThan(20)
})

test('throttling never opens the circuit, however long it lasts', async () => {
  const signer = await openSigner()
  double.fail('Sign', THROTTLED, 60)

  const outcomes = [await attempt(signer, 5), await attempt(signer, 300)]

  expect(outcomes).toEqual([expect.objectContaining({ code: 'ERR_THROTTLED' }), 'signed'])
})

test('a KMS that is down is left alone, and callers learn when to come back', async () => {
  const signer = await openSigner()
  double.fail('Sign', BROKEN)
  for (let round = 0; round < 6; round += 1) await attempt(signer)
  const calls = double.calls.get('Sign')

  const error = await attempt(signer)

  expect(error).toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
    details: { retryAfterSeconds: expect.any(Number) as number },
  })
  expect(double.calls.get('Sign')).toBe(calls)
  double.reset()
  vi.setSystemTime(Date.now() + 4000)
  expect(await attempt(signer)).toBe('signed')
})

test('the circuit of one key leaves the others alone', async () => {
  const [broken, healthy] = [await openSigner(), await openSigner()]
  double.fail('Sign', BROKEN)
  for (let round = 0; round < 6; round += 1) await attempt(broken)
  double.reset()

  expect(await attempt(healthy)).toBe('signed')
})

test('a clock that is set back does not keep a circuit open', async () => {
  const signer = await openSigner()
  vi.setSystemTime(Date.now() + 3_600_000)
  double.fail('Sign', BROKEN)
  for (let round = 0; round < 6; round += 1) await attempt(signer)
  double.reset()
  vi.setSystemTime(Date.now() - 1_800_000)

  expect(await attempt(signer)).toBe('signed')
})

test.each([
  ['ThrottlingException', 400, 'signed'],
  ['SomeNewThrottle', 429, 'signed'],
  ['KMSInternalException', 500, 'signed'],
  ['DependencyTimeoutException', 503, 'signed'],
  ['SomeNewOutage', 502, 'signed'],
  ['LimitExceededException', 400, expect.objectContaining({ code: 'ERR_THROTTLED' })],
  ['DisabledException', 400, expect.objectContaining({ code: 'ERR_KEY_NOT_USABLE' })],
  ['AccessDeniedException', 400, expect.objectContaining({ code: 'ERR_NOT_ALLOWED' })],
])('after one %s (%i) a signature ends so: %s', async (name, status, outcome: unknown) => {
  const signer = await openSigner()
  double.fail('Sign', { kind: 'error', name, status }, 1)

  expect(await attempt(signer)).toEqual(outcome)
  expect(double.calls.get('Sign')).toBe(outcome === 'signed' ? 2 : 1)
})

test('a deadline that passes during a wait ends it', async () => {
  const controller = new AbortController()
  const reason = new CountersignError('ERR_TIMEOUT', 'over')
  const pause: KmsTerms['runtime']['pause'] = () => {
    controller.abort(reason)
    return Promise.reject(reason)
  }
  const { runtime } = virtualTerms()
  const signer = await openSigner({ runtime: { ...runtime, pause } })
  double.fail('Sign', THROTTLED)

  await expect(signer.sign(MESSAGE, { signal: controller.signal })).rejects.toBe(reason)
  expect(double.calls.get('Sign')).toBe(1)
})

test('a request over the quota is refused before KMS throttles it', async () => {
  const signer = await openSigner({ quotas: { rsa: 1, ecc: 1 } })
  await attempt(signer)

  const error = await attempt(signer, 0.5)

  expect(error).toMatchObject({ code: 'ERR_THROTTLED', details: { retryAfterSeconds: 2 } })
  expect(double.calls.get('Sign')).toBe(1)
})

test('RSA and ECC keys have a quota each', async () => {
  const terms = { quotas: { rsa: 1, ecc: 1 } }
  const provider = stack.use(createAwsKmsProvider({ terms: virtualTerms(terms) }))
  const open = async (spec: string): Promise<Signer> => {
    const { arn } = await double.addKey({ spec })
    return provider.open({ scheme: 'awskms', endpoint: double.endpoint, keyId: arn })
  }

  const signers = [await open('RSA_2048'), await open('ECC_NIST_P256'), await open('ECC_NIST_P256')]
  const outcomes = []
  for (const signer of signers) outcomes.push(await attempt(signer, 0.5))

  expect(outcomes).toEqual(['signed', 'signed', expect.objectContaining({ code: 'ERR_THROTTLED' })])
})
