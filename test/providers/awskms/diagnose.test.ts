import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import type { AwsKmsUri } from '../../../src/providers/awskms/uri.ts'
import type { Diagnosis, KeyDiagnostics } from '../../../src/providers/provider.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import type { KmsKey } from '../../support/kms/key.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'

let stack: AsyncDisposableStack
let double: KmsDouble
let provider: KeyDiagnostics
let key: KmsKey
let skew: number

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  vi.spyOn(Math, 'random').mockReturnValue(0)
  skew = 0
  double = stack.use(await startKmsDouble({ now: () => Date.now() + skew }))
  stubKmsEnvironment(double.credentials)
  provider = stack.use(createAwsKmsProvider())
  key = await double.addKey({ spec: 'ECC_NIST_P256' })
  double.setAlias('alias/release', key)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await stack.disposeAsync()
})

const reference = (keyId = 'alias/release'): AwsKmsUri => ({
  scheme: 'awskms',
  endpoint: double.endpoint,
  keyId,
})
const summary = (diagnoses: readonly Diagnosis[]): Record<string, boolean> =>
  Object.fromEntries(diagnoses.map(({ check, ok }) => [check, ok]))
const hintOf = (diagnoses: readonly Diagnosis[], check: string): string | undefined =>
  diagnoses.find((diagnosis) => diagnosis.check === check)?.hint

test('a healthy key passes every check and signs nothing', async () => {
  const diagnoses = await provider.diagnose(reference(), { algorithm: 'ES256' })

  expect(summary(diagnoses)).toEqual({
    credentials: true,
    key: true,
    'key-state': true,
    'key-usage': true,
    algorithm: true,
    'public-key': true,
    'sign-permission': true,
    clock: true,
  })
  expect(diagnoses.every(({ hint }) => hint === undefined)).toBe(true)
  expect(key.lastUsage).toBeUndefined()
  expect(Object.fromEntries(double.calls)).toEqual({ DescribeKey: 1, GetPublicKey: 1, Sign: 1 })
})

test('an Ed25519 key is tried with a message', async () => {
  const edwards = await double.addKey({ spec: 'ECC_NIST_EDWARDS25519' })

  expect(summary(await provider.diagnose(reference(edwards.arn)))).toMatchObject({
    'sign-permission': true,
  })
})

test.each([
  ['Disabled', 'aws kms enable-key'],
  ['PendingDeletion', 'aws kms cancel-key-deletion'],
  ['PendingImport', 'import the same key material'],
  ['Unavailable', 'custom key stores hold no keys that sign'],
] as const)('a key that is %s is reported with its fix', async (state, hint) => {
  key.state = state
  key.deletionAt = Date.now() + 86_400_000

  const diagnoses = await provider.diagnose(reference())

  expect(summary(diagnoses)).toMatchObject({ credentials: true, key: true, 'key-state': false })
  expect(summary(diagnoses)).not.toHaveProperty('sign-permission')
  expect(hintOf(diagnoses, 'key-state')).toContain(hint)
})

test('a key for encryption and an algorithm of another key are reported', async () => {
  const encryption = await double.addKey({ spec: 'RSA_2048', usage: 'ENCRYPT_DECRYPT' })

  const usage = await provider.diagnose(reference(encryption.arn))
  const algorithm = await provider.diagnose(reference(), { algorithm: 'RS256' })

  expect(summary(usage)).toMatchObject({ 'key-usage': false })
  expect(summary(algorithm)).toMatchObject({ 'key-usage': true, algorithm: false })
  expect(hintOf(algorithm, 'algorithm')).toContain('KeyMetadata.SigningAlgorithms')
})

test('each missing permission is reported with the statement that grants it', async () => {
  const statement = (action: string): string => `"Action":"kms:${action}","Resource":"${key.arn}"`
  double.deny('Sign')
  const noSign = await provider.diagnose(reference())
  double.deny('GetPublicKey')
  const noPublicKey = await provider.diagnose(reference())
  double.reset()
  double.deny('DescribeKey')
  const noDescribe = await provider.diagnose(reference(key.arn))

  expect(summary(noSign)).toMatchObject({ 'public-key': true, 'sign-permission': false })
  expect(hintOf(noSign, 'sign-permission')).toContain(statement('Sign'))
  expect(summary(noPublicKey)).toMatchObject({ 'public-key': false })
  expect(hintOf(noPublicKey, 'public-key')).toContain(statement('GetPublicKey'))
  expect(summary(noDescribe)).toMatchObject({
    'describe-permission': false,
    'public-key': true,
    'sign-permission': true,
  })
  expect(hintOf(noDescribe, 'describe-permission')).toContain(statement('DescribeKey'))
})

test('a missing key points to the region', async () => {
  const diagnoses = await provider.diagnose(reference('alias/typo'))

  expect(summary(diagnoses)).toMatchObject({ key: false })
  expect(hintOf(diagnoses, 'key')).toContain('eu-west-1')
})

test('missing or unknown credentials are reported', async () => {
  stubKmsEnvironment({ accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' })
  const unknown = await provider.diagnose(reference())
  stubKmsEnvironment(undefined)
  const absent = await provider.diagnose({ ...reference(), region: 'eu-west-2' })

  expect(summary(unknown)).toMatchObject({ credentials: false })
  expect(summary(absent)).toEqual({ credentials: false })
})

test.each([
  ['behind', 3_600_000],
  ['ahead of', -3_600_000],
])('a clock an hour %s KMS is reported, although the SDK corrects for it', async (side, offset) => {
  skew = offset
  const { arn } = await double.addKey({ spec: 'ECC_NIST_P256' })

  const diagnoses = await provider.diagnose(reference(arn))

  expect(summary(diagnoses)).toMatchObject({ 'sign-permission': true, clock: false })
  expect(diagnoses.find(({ check }) => check === 'clock')?.found).toMatch(
    new RegExp(`^this machine is 36\\d\\d s ${side} KMS$`),
  )
  expect(hintOf(diagnoses, 'clock')).toContain('NTP')
})

test('a failing endpoint is reported', async () => {
  double.fail('DescribeKey', { kind: 'error', name: 'KMSInternalException', status: 500 })

  expect(summary(await provider.diagnose(reference()))).toMatchObject({ endpoint: false })
})

test('a missing region is reported', async () => {
  vi.stubEnv('AWS_REGION', undefined)

  const diagnoses = await provider.diagnose(reference())

  expect(summary(diagnoses)).toEqual({ configuration: false })
  expect(hintOf(diagnoses, 'configuration')).toContain('AWS_REGION')
})

test('an aborted diagnosis has no result', async () => {
  const abort = new AbortController()
  double.fail('DescribeKey', { kind: 'hang' })
  const asked = double.next('DescribeKey')
  const diagnosis = provider.diagnose(reference(), { signal: abort.signal })
  const outcome = expect(diagnosis).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  await asked
  abort.abort()

  await outcome
})
