import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CountersignError, type ErrorCode } from '../../../src/errors.ts'
import { toKmsError } from '../../../src/providers/awskms/errors.ts'
import { createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import type { AwsKmsUri } from '../../../src/providers/awskms/uri.ts'
import type { KeyProvider } from '../../../src/providers/provider.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import type { KmsKey } from '../../support/kms/key.ts'
import { virtualTerms } from '../../support/kms/virtual-terms.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'

const MESSAGE = new TextEncoder().encode('what is signed')

let stack: AsyncDisposableStack
let double: KmsDouble
let provider: KeyProvider
let key: KmsKey

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  double = stack.use(await startKmsDouble())
  stubKmsEnvironment(double.credentials)
  provider = stack.use(createAwsKmsProvider({ terms: virtualTerms({ patienceMs: 0 }) }))
  key = await double.addKey({ spec: 'ECC_NIST_P256' })
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await stack.disposeAsync()
})

const reference = (keyId = key.arn, endpoint = double.endpoint): AwsKmsUri => ({
  scheme: 'awskms',
  endpoint,
  keyId,
})

async function failure(call: Promise<unknown>): Promise<CountersignError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(CountersignError)
  return error as CountersignError
}

test.each([
  ['NotFoundException', 400, 'ERR_KEY_NOT_FOUND'],
  ['DisabledException', 400, 'ERR_KEY_NOT_USABLE'],
  ['KMSInvalidStateException', 400, 'ERR_KEY_NOT_USABLE'],
  ['InvalidKeyUsageException', 400, 'ERR_KEY_INVALID'],
  ['AccessDeniedException', 400, 'ERR_NOT_ALLOWED'],
  ['UnrecognizedClientException', 400, 'ERR_NOT_AUTHENTICATED'],
  ['ExpiredTokenException', 400, 'ERR_NOT_AUTHENTICATED'],
  ['RequestExpired', 400, 'ERR_NOT_AUTHENTICATED'],
  ['InvalidArnException', 400, 'ERR_KEY_URI_INVALID'],
  ['ThrottlingException', 400, 'ERR_THROTTLED'],
  ['LimitExceededException', 400, 'ERR_THROTTLED'],
  ['SomeNewThrottle', 429, 'ERR_THROTTLED'],
  ['KMSInternalException', 500, 'ERR_PROVIDER_UNAVAILABLE'],
  ['KeyUnavailableException', 500, 'ERR_PROVIDER_UNAVAILABLE'],
  ['DependencyTimeoutException', 503, 'ERR_PROVIDER_UNAVAILABLE'],
  ['SomeNewOutage', 502, 'ERR_PROVIDER_UNAVAILABLE'],
  ['SomeNewException', 400, 'ERR_INTERNAL'],
] as readonly (readonly [string, number, ErrorCode])[])(
  '%s (HTTP %i) while signing reads as %s',
  async (name, status, code) => {
    const signer = await provider.open(reference())
    double.fail('Sign', { kind: 'error', name, status, message: 'why it failed.' })

    const error = await failure(signer.sign(MESSAGE))

    expect(error.code).toBe(code)
    expect(error.hint).toBeDefined()
    expect(error.message).toContain(`AWS KMS Sign for ${key.arn} failed: ${name}`)
    expect(error.details).toEqual({
      provider: 'awskms',
      operation: 'Sign',
      awsErrorName: name,
      cause: expect.any(String) as unknown,
      layer: expect.any(String) as unknown,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
    })
  },
)

test('a missing permission is named with the statement that grants it', async () => {
  const signer = await provider.open(reference())
  double.deny('Sign')

  const error = await failure(signer.sign(MESSAGE))

  expect(error.code).toBe('ERR_NOT_ALLOWED')
  expect(error.message).toContain('is not authorized to perform: kms:Sign')
  expect(error.hint).toContain(
    `{"Effect":"Allow","Action":"kms:Sign","Resource":"${key.arn}","Condition":{"StringEquals":{"kms:SigningAlgorithm":"ECDSA_SHA_256","kms:MessageType":"DIGEST"}}}`,
  )
})

test('a missing key points to the region', async () => {
  const error = await failure(provider.open(reference('alias/typo')))

  expect(error.code).toBe('ERR_KEY_NOT_FOUND')
  expect(error.hint).toContain('the region (eu-west-1)')
})

test('a wrong secret is not confused with a wrong clock', async () => {
  stubKmsEnvironment({ ...double.credentials, secretAccessKey: 'wrong' })
  const secret = await failure(provider.open(reference()))
  double.fail('GetPublicKey', {
    kind: 'error',
    name: 'InvalidSignatureException',
    message: 'Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z',
  })
  stubKmsEnvironment(double.credentials)
  const clock = await failure(stack.use(createAwsKmsProvider()).open(reference()))

  expect(secret.code).toBe('ERR_NOT_AUTHENTICATED')
  expect(secret.hint).toContain('secret access key')
  expect(clock.code).toBe('ERR_NOT_AUTHENTICATED')
  expect(clock.hint).toContain('clock')
})

test('texts about credentials, which may quote the signed request, are not repeated', async () => {
  const message = 'The Canonical String should have been x-amz-security-token:SECRET'
  double.fail('GetPublicKey', { kind: 'error', name: 'InvalidSignatureException', message })

  expect((await failure(provider.open(reference()))).message).not.toContain('SECRET')
})

test('without credentials nothing is asked', async () => {
  stubKmsEnvironment(undefined)

  const error = await failure(provider.open(reference()))

  expect(error.code).toBe('ERR_NOT_AUTHENTICATED')
  expect(error.details['awsErrorName']).toBe('CredentialsProviderError')
  expect(double.calls.size).toBe(0)
})

test('a profile that does not exist is a matter of credentials', async () => {
  const error = await failure(provider.open({ ...reference(), profile: 'missing' }))

  expect(error.code).toBe('ERR_NOT_AUTHENTICATED')
  expect(error.hint).toContain('profile')
})

test.each([
  ['missing', undefined],
  ['malformed', 'EU (Ireland)'],
])('a %s region is a fault of the configuration, and can be fixed', async (_, region) => {
  vi.stubEnv('AWS_REGION', region)
  const uri = reference(key.id)

  const error = await failure(provider.open(uri))

  expect(error.code).toBe('ERR_CONFIG_INVALID')
  expect(error.hint).toContain('?region=')
  vi.stubEnv('AWS_REGION', 'eu-west-1')
  await expect(provider.open(uri)).resolves.toBeDefined()
})

test('a closed port, a cut connection and an unknown host are the network', async () => {
  const closed = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => closed.once('listening', resolve))
  const { port } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  double.fail('GetPublicKey', { kind: 'cut', when: 'before' })
  const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND kms.eu-nowhere-1'), {
    code: 'ENOTFOUND',
  })

  expect((await failure(provider.open(reference(key.arn, `127.0.0.1:${port}`)))).code).toBe(
    'ERR_NETWORK',
  )
  expect((await failure(provider.open(reference()))).code).toBe('ERR_NETWORK')
  expect(double.calls.get('GetPublicKey')).toBe(1)
  expect(toKmsError(unknown, { operation: 'Sign' }).code).toBe('ERR_NETWORK')
})

test.each(['SELF_SIGNED_CERT_IN_CHAIN', 'ERR_TLS_CERT_ALTNAME_INVALID', 'EPROTO'])(
  'a connection that fails with %s is the network, with a word on certificates',
  (code) => {
    const thrown = Object.assign(new Error('why the handshake failed'), { code })

    const error = toKmsError(thrown, { operation: 'Sign' })

    expect(error.code).toBe('ERR_NETWORK')
    expect(error.hint).toContain('NODE_EXTRA_CA_CERTS')
  },
)

test.each([
  ['an HTML page', 200, '<html>captive portal</html>'],
  ['an HTML error page', 502, '<html>bad gateway</html>'],
  ['half a document', 200, '{"KeyId":'],
])('%s in place of an answer is an outage', async (_, status, body) => {
  double.fail('GetPublicKey', { kind: 'reply', status, body })

  expect((await failure(provider.open(reference()))).code).toBe('ERR_PROVIDER_UNAVAILABLE')
})

test('an answer that does not come ends in a timeout', async () => {
  const impatient = stack.use(
    createAwsKmsProvider({ requestTimeoutMs: 20, terms: virtualTerms({ patienceMs: 0 }) }),
  )
  double.fail('GetPublicKey', { kind: 'hang' })

  expect((await failure(impatient.open(reference()))).code).toBe('ERR_TIMEOUT')
})

test('an aborted call is cancelled at once and not repeated', async () => {
  const signer = await provider.open(reference())
  const abort = new AbortController()
  double.fail('Sign', { kind: 'hang' })
  const arrived = double.next('Sign')
  const signing = failure(signer.sign(MESSAGE, { signal: abort.signal }))
  await arrived
  abort.abort(new Error('the caller left'))

  expect((await signing).code).toBe('ERR_CANCELLED')
  const late = await failure(signer.sign(MESSAGE, { signal: abort.signal }))
  expect(late.code).toBe('ERR_CANCELLED')
  expect(double.calls.get('Sign')).toBe(1)
})

test('a deadline of the caller is a timeout', async () => {
  const signer = await provider.open(reference())
  double.fail('Sign', { kind: 'hang' })

  const error = await failure(signer.sign(MESSAGE, { signal: AbortSignal.timeout(5) }))

  expect(error.code).toBe('ERR_TIMEOUT')
})

test('a machine whose clock is an hour off still signs', async () => {
  const future = stack.use(await startKmsDouble({ now: () => Date.now() + 3_600_000 }))
  const there = await future.addKey({ spec: 'ECC_NIST_P256' })
  const signer = await provider.open(reference(there.arn, future.endpoint))

  await expect(signer.sign(MESSAGE)).resolves.toHaveLength(64)
  expect(Object.fromEntries(future.calls)).toEqual({ GetPublicKey: 2, Sign: 1 })
})

test.each([undefined, null, 'text', 7, {}, new Error(''), { name: 5, code: 5 }])(
  'the thrown value %j becomes a CountersignError',
  (thrown) => {
    expect(toKmsError(thrown, { operation: 'Sign' }).code).toBe('ERR_INTERNAL')
  },
)
