/** Credentials in shared files that other programs renew while this process runs. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type AwsKmsKeys, createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import type { AwsKmsUri } from '../../../src/providers/awskms/uri.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const MESSAGE = new TextEncoder().encode('what is signed')

/** The credentials that the double accepts now. */
let accepted: { accessKeyId: string; secretAccessKey: string }
let stack: AsyncDisposableStack
let double: KmsDouble
let provider: AwsKmsKeys
let file: string

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  accepted = { accessKeyId: 'AKIAONE', secretAccessKey: 'one' }
  double = stack.use(await startKmsDouble({ credentials: accepted }))
  stubKmsEnvironment(undefined)
  file = join(createTempFolder(), 'credentials')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file)
  provider = stack.use(createAwsKmsProvider())
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await stack.disposeAsync()
})

/** Renews the file as another program does. */
function write({ accessKeyId, secretAccessKey }: typeof accepted): void {
  const lines = ['[default]', `aws_access_key_id = ${accessKeyId}`]
  writeFileSync(file, [...lines, `aws_secret_access_key = ${secretAccessKey}`, ''].join('\n'))
}

/** From now on the double accepts others, and the old ones have ended. */
function replace(): void {
  Object.assign(accepted, { accessKeyId: 'AKIATWO', secretAccessKey: 'two' })
}

async function addKey(): Promise<AwsKmsUri> {
  const { arn } = await double.addKey({ spec: 'ECC_NIST_P256' })
  return { scheme: 'awskms', endpoint: double.endpoint, keyId: arn }
}

test('a key keeps signing with renewed credentials, and one refusal stays invisible', async () => {
  write(accepted)
  const signer = await provider.open(await addKey())
  await signer.sign(MESSAGE)
  replace()
  write(accepted)

  const signatures = await Promise.all(Array.from({ length: 10 }, () => signer.sign(MESSAGE)))
  const after = double.calls.get('Sign') ?? 0
  await signer.sign(MESSAGE)

  expect(signatures).toHaveLength(10)
  // One before, twice at the most each of ten.
  expect(after).toBeLessThanOrEqual(21)
  expect(double.calls.get('Sign')).toBe(after + 1)
})

test('an expired session is asked for again once, and not where the credentials are the same', async () => {
  write(accepted)
  const signer = await provider.open(await addKey())
  double.fail('Sign', { kind: 'error', name: 'ExpiredTokenException' })

  expect(await codeOfAsync(() => signer.sign(MESSAGE))).toBe('ERR_NOT_AUTHENTICATED')
  expect(double.calls.get('Sign')).toBe(1)

  write({ accessKeyId: 'AKIAOTHER', secretAccessKey: 'other' })
  expect(await codeOfAsync(() => signer.sign(MESSAGE))).toBe('ERR_NOT_AUTHENTICATED')
  expect(double.calls.get('Sign')).toBe(3)
})

test('a file that is half written changes nothing, and is read again with the next refusal', async () => {
  write(accepted)
  const signer = await provider.open(await addKey())
  replace()
  writeFileSync(file, '[default]\naws_access_key_id = AKIATWO\n')

  expect(await codeOfAsync(() => signer.sign(MESSAGE))).toBe('ERR_NOT_AUTHENTICATED')
  write(accepted)
  await expect(signer.sign(MESSAGE)).resolves.toHaveLength(64)
})

test('a credentials file that comes later is found', async () => {
  const uri = await addKey()
  expect(await codeOfAsync(() => provider.open(uri))).toBe('ERR_NOT_AUTHENTICATED')

  write(accepted)

  await expect(provider.open(uri)).resolves.toBeDefined()
})

test('asked to renew, the provider says whether the credentials differ', async () => {
  write(accepted)
  const signer = await provider.open(await addKey())
  expect(await provider.renewCredentials()).toBe(false)

  replace()
  write(accepted)

  expect(await provider.renewCredentials()).toBe(true)
  const before = double.calls.get('Sign') ?? 0
  await signer.sign(MESSAGE)
  expect(double.calls.get('Sign')).toBe(before + 1)
})
