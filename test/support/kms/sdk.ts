/** The real SDK on a KMS double, without retries: one call is one request. */
import { KMS, type KMSServiceException } from '@aws-sdk/client-kms'
import { createHash } from 'node:crypto'
import type { KmsCredentials } from './authenticate.ts'
import { type KmsDouble, startKmsDouble } from './double.ts'
import type { KmsKey } from './key.ts'
import { KMS_DOUBLE_REGION, type KmsDoubleOptions } from './service.ts'

/** What the tests of the double sign. */
export const MESSAGE: Buffer = Buffer.from('a message of some length')

/** Starts a double and connects to it; both end with the stack. */
export async function startWithSdk(
  stack: AsyncDisposableStack,
  options?: KmsDoubleOptions,
): Promise<{ double: KmsDouble; kms: KMS }> {
  const double = stack.use(await startKmsDouble(options))
  return { double, kms: connectSdk(stack, double) }
}

/** Connects to a double, by default with the right credentials. */
export function connectSdk(
  stack: AsyncDisposableStack,
  double: KmsDouble,
  options: { readonly region?: string; readonly credentials?: KmsCredentials } = {},
): KMS {
  const { region = KMS_DOUBLE_REGION, credentials = double.credentials } = options
  const kms = new KMS({ endpoint: double.url, region, credentials, maxAttempts: 1 })
  stack.defer(() => {
    kms.destroy()
  })
  return kms
}

/** `NAME STATUS: MESSAGE` of the error a call fails with. */
export async function failure(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown as KMSServiceException,
  )
  return `${String(error?.name)} ${String(error?.$metadata.httpStatusCode)}: ${String(error?.message)}`
}

/** Signs the digest of MESSAGE with a P-256 key. */
export function signDigest(kms: KMS, key: KmsKey, dryRun = false): Promise<unknown> {
  return kms.sign({
    KeyId: key.arn,
    Message: createHash('sha256').update(MESSAGE).digest(),
    MessageType: 'DIGEST',
    SigningAlgorithm: 'ECDSA_SHA_256',
    DryRun: dryRun,
  })
}
