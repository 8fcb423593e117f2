import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type AlgorithmName, ALGORITHM_NAMES, ALGORITHMS } from '../../../src/crypto/algorithms.ts'
import { hashBytes } from '../../../src/crypto/digest.ts'
import { verifyMessage } from '../../../src/crypto/verify.ts'
import { toKeySpec } from '../../../src/providers/awskms/algorithms.ts'
import { createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import { connectKms } from '../../../src/providers/awskms/sdk.ts'
import type { AwsKmsUri } from '../../../src/providers/awskms/uri.ts'
import type { KeyProvider } from '../../../src/providers/provider.ts'
import { isDigestSigner } from '../../../src/signing/signer.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { virtualTerms } from '../../support/kms/virtual-terms.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'

const MESSAGE = new TextEncoder().encode('what is signed')

let stack: AsyncDisposableStack
let double: KmsDouble
let provider: KeyProvider

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  double = stack.use(await startKmsDouble())
  stubKmsEnvironment(double.credentials)
  provider = stack.use(createAwsKmsProvider())
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await stack.disposeAsync()
})

const reference = (keyId: string): AwsKmsUri => ({
  scheme: 'awskms',
  endpoint: double.endpoint,
  keyId,
})
const withCode = (code: string): unknown => expect.objectContaining({ code })
const specFor = (name: AlgorithmName): string => toKeySpec(ALGORITHMS[name], () => 2048)

test.each(ALGORITHM_NAMES)('%s signatures verify with the published key', async (algorithm) => {
  const key = await double.addKey({ spec: specFor(algorithm) })
  const signer = await provider.open(reference(key.arn), { algorithm })

  const signature = await signer.sign(MESSAGE)

  expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
  expect(signer.key.algorithm.name).toBe(algorithm)
  expect(await provider.describe(reference(key.id), { algorithm })).toMatchObject({
    kid: signer.key.kid,
  })
})

test.each(['ES256', 'RS256', 'PS256'] as const)(
  '%s signs a digest made elsewhere',
  async (algorithm) => {
    const key = await double.addKey({ spec: specFor(algorithm) })
    const signer = await provider.open(reference(key.arn), { algorithm })

    const signature = isDigestSigner(signer)
      ? await signer.signDigest(hashBytes('sha256', MESSAGE))
      : new Uint8Array()

    expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
  },
)

test('Ed25519 keys sign no digests and no messages over 4096 bytes', async () => {
  const key = await double.addKey({ spec: 'ECC_NIST_EDWARDS25519' })
  const signer = await provider.open(reference(key.arn))

  expect(isDigestSigner(signer)).toBe(false)
  await expect(signer.sign(new Uint8Array(4096))).resolves.toHaveLength(64)
  await expect(signer.sign(new Uint8Array(4097))).rejects.toThrow(withCode('ERR_INPUT_TOO_LARGE'))
  expect(double.calls.get('Sign')).toBe(1)
})

test('a key is read once and each signature is one call', async () => {
  double.setAlias('alias/release', await double.addKey({ spec: 'ECC_NIST_P256' }))
  const signer = await provider.open(reference('alias/release'))

  for (let round = 0; round < 5; round += 1) await signer.sign(MESSAGE)
  await Promise.all([signer.sign(MESSAGE), signer.sign(MESSAGE)])

  expect(Object.fromEntries(double.calls)).toEqual({ GetPublicKey: 1, Sign: 7 })
})

test('an alias that moves takes no open Signer with it', async () => {
  const first = await double.addKey({ spec: 'ECC_NIST_P256' })
  double.setAlias('alias/release', first)
  const signer = await provider.open(reference('alias/release'))
  double.setAlias('alias/release', await double.addKey({ spec: 'ECC_NIST_P256' }))

  const signature = await signer.sign(MESSAGE)

  expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
  expect(first.lastUsage?.operation).toBe('Sign')
  const reopened = await provider.open(reference('alias/release'))
  expect(reopened.key.kid).not.toBe(signer.key.kid)
})

test('the algorithm is pinned, whatever order KMS lists its algorithms in', async () => {
  const key = await double.addKey({ spec: 'RSA_2048' })
  double.fail('GetPublicKey', {
    kind: 'rewrite',
    rewrite: (answer) => ({
      ...answer,
      SigningAlgorithms: ['RSASSA_PSS_SHA_512', 'RSASSA_PKCS1_V1_5_SHA_256'],
    }),
  })

  const signer = await provider.open(reference(key.arn))

  expect(signer.key.algorithm.name).toBe('RS256')
  await expect(provider.open(reference(key.arn), { algorithm: 'PS256' })).rejects.toThrow(
    withCode('ERR_ALGORITHM_UNSUPPORTED'),
  )
})

test.each([
  ['RSA_2048', 'ENCRYPT_DECRYPT', 'ERR_KEY_INVALID'],
  ['ECC_NIST_P256', 'KEY_AGREEMENT', 'ERR_KEY_INVALID'],
  ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'ERR_KEY_INVALID'],
  ['HMAC_256', 'GENERATE_VERIFY_MAC', 'ERR_KEY_INVALID'],
  ['ECC_SECG_P256K1', 'SIGN_VERIFY', 'ERR_KEY_INVALID'],
])('a %s key for %s is refused', async (spec, usage, code) => {
  const key = await double.addKey({ spec, usage })

  await expect(provider.open(reference(key.arn))).rejects.toThrow(withCode(code))
})

test('an algorithm of another key type is refused', async () => {
  const key = await double.addKey({ spec: 'ECC_NIST_P256' })

  await expect(provider.open(reference(key.arn), { algorithm: 'RS256' })).rejects.toThrow(
    withCode('ERR_KEY_INVALID'),
  )
})

test('a reference of another scheme is a bug of the caller', async () => {
  await expect(provider.open({ scheme: 'file', path: 'key.pem' })).rejects.toThrow(TypeError)
})

test('an answer about another key than the one asked for is a fault', async () => {
  const [asked, other] = [
    await double.addKey({ spec: 'ECC_NIST_P256' }),
    await double.addKey({ spec: 'ECC_NIST_P256' }),
  ]
  const signer = await provider.open(reference(asked.arn))
  const rewrite = (answer: Record<string, unknown>): object => ({ ...answer, KeyId: other.arn })
  double.fail('Sign', { kind: 'rewrite', rewrite })
  double.fail('GetPublicKey', { kind: 'rewrite', rewrite })

  await expect(signer.sign(MESSAGE)).rejects.toThrow(withCode('ERR_PROVIDER_FAULT'))
  await expect(provider.open(reference(asked.arn))).rejects.toThrow(withCode('ERR_PROVIDER_FAULT'))
})

test.each([
  ['hashes the digest again', 'ES256', { kind: 'sign', how: 'double-hash' }],
  ['hashes the digest again', 'RS256', { kind: 'sign', how: 'double-hash' }],
  ['salts PSS with all that fits', 'PS256', { kind: 'sign', how: 'max-salt' }],
  ['gives no DER', 'ES256', { kind: 'rewrite', rewrite: (a) => ({ ...a, Signature: 'AAAA' }) }],
  ['gives no signature', 'ES256', { kind: 'rewrite', rewrite: ({ KeyId }) => ({ KeyId }) }],
  ['gives an empty answer', 'RS256', { kind: 'rewrite', rewrite: () => ({}) }],
] as readonly (readonly [string, AlgorithmName, Parameters<KmsDouble['fail']>[1]])[])(
  'nothing is released from a backend that %s (%s)',
  async (_, algorithm, fault) => {
    const key = await double.addKey({ spec: specFor(algorithm) })
    const signer = await provider.open(reference(key.arn), { algorithm })
    double.fail('Sign', fault)

    await expect(signer.sign(MESSAGE)).rejects.toThrow(withCode('ERR_PROVIDER_FAULT'))
  },
)

test('one SDK client serves all keys of an account', async () => {
  const connected: unknown[] = []
  const counted = stack.use(
    createAwsKmsProvider({
      connect: (account) => {
        connected.push(account)
        return connectKms(account, { connectMs: 1000, requestMs: 1000, terms: virtualTerms() })
      },
    }),
  )
  const keys = [
    await double.addKey({ spec: 'ECC_NIST_P256' }),
    await double.addKey({ spec: 'ECC_NIST_P384' }),
  ]

  for (const key of keys) await counted.describe(reference(key.arn))
  await counted.describe({ ...reference(keys[0]?.id ?? ''), region: 'eu-west-1' })

  expect(connected).toEqual([{ endpoint: double.endpoint, region: 'eu-west-1' }])
})

test('the region of a reference, or of its ARN, decides where KMS is asked', async () => {
  const key = await double.addKey({ spec: 'ECC_NIST_P256', region: 'us-east-1' })

  await expect(provider.describe(reference(key.arn))).resolves.toBeDefined()
  await expect(
    provider.describe({ ...reference(key.id), region: 'us-east-1' }),
  ).resolves.toBeDefined()
  await expect(provider.describe(reference(key.id))).rejects.toThrow(withCode('ERR_KEY_NOT_FOUND'))
})
