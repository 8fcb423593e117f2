/** Whether an entry of the log is found in the records of the backend that signed, by its request id. */
import { afterEach, expect, test, vi } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { createAwsKmsProvider } from '../../src/providers/awskms/provider.ts'
import { type KmsDouble, startKmsDouble } from '../support/kms/double.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { CREDENTIALS, startService, type TestService } from '../support/service.ts'

let stack = new AsyncDisposableStack()

afterEach(async () => {
  vi.unstubAllEnvs()
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

/** A service with one key in KMS. */
async function start(use: 'artifact' | 'token'): Promise<TestService & { double: KmsDouble }> {
  const double = stack.use(await startKmsDouble())
  stubKmsEnvironment(double.credentials)
  const provider = stack.use(createAwsKmsProvider())
  const { arn } = await double.addKey({ spec: 'ECC_NIST_P256' })
  const uri = { scheme: 'awskms', endpoint: double.endpoint, keyId: arn } as const
  const key = { name: 'release', use, signer: await provider.open(uri) } as const
  const parts = { stamperOf: () => undefined }
  return { ...(await startService({ keys: [key], parts })), double }
}

const post = (url: string, payload: object) =>
  ({ method: 'POST', url, headers: CREDENTIALS, payload }) as const

test('each signature of a batch is logged with the id that KMS gave its request', async () => {
  const { app, log, double } = await start('artifact')
  const artifacts = ['one', 'two'].map((text) => ({
    digest: digestOf(Buffer.from(text)),
    kind: 'file',
  }))

  const answer = await app.inject(post('/v1/keys/release/signatures', { artifacts }))

  expect(answer.statusCode).toBe(200)
  const ids = (await log()).map((entry) => entry.type === 'signature' && entry.backendRequestId)
  expect(new Set(ids)).toEqual(new Set(double.requestIds.get('Sign')))
  expect(ids).toHaveLength(2)
})

test('a token is logged with the id that KMS gave its request', async () => {
  const { app, log, double } = await start('token')

  const answer = await app.inject(post('/v1/keys/release/tokens', { audience: 'https://api' }))

  expect(answer.statusCode).toBe(200)
  expect(await log()).toMatchObject([
    { type: 'token', backendRequestId: double.requestIds.get('Sign')?.[0] },
  ])
})

test('a backend that counts no requests leaves the member out', async () => {
  const { app, log } = await startService()
  const artifacts = [{ digest: digestOf(Buffer.from('one')), kind: 'file' }]

  await app.inject(post('/v1/keys/release/signatures', { artifacts }))

  expect(await log()).toMatchObject([{ type: 'signature', backendRequestId: undefined }])
})
