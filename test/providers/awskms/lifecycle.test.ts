/** Making KMS keys once, disabling and destroying them. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type AwsKmsKeys, createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import type { AwsKmsUri } from '../../../src/providers/awskms/uri.ts'
import type { PinnedKeyPair } from '../../../src/providers/key-lifecycle.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'

const MARK = '00112233445566778899aabbccddeeff'

let double: KmsDouble
let provider: AwsKmsKeys
let waits: number[]

beforeEach(async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
  waits = []
  double = await startKmsDouble()
  stubKmsEnvironment(double.credentials)
  provider = createAwsKmsProvider({
    delay: (ms) => {
      waits.push(ms)
      return Promise.resolve()
    },
  })
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await provider[Symbol.asyncDispose]()
  await double.close()
})

const reference = (keyId = 'alias/countersign-release-1'): AwsKmsUri => ({
  scheme: 'awskms',
  endpoint: double.endpoint,
  keyId,
})

const createOnce = (isRepeated: boolean): ReturnType<AwsKmsKeys['createOnce']> =>
  provider.createOnce({ uri: reference(), algorithm: 'ES256', mark: MARK, isRepeated })

async function pinnedKey(): Promise<PinnedKeyPair> {
  const uri = await createOnce(false)
  return { uri, publicKey: await provider.describe(uri) }
}

test.each(['GetPublicKey', 'Sign', 'CreateAlias'])(
  'a key whose making stopped before %s is found by its tag and finished',
  async (operation) => {
    double.deny(operation)
    await expect(createOnce(false)).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED' })
    double.reset()

    const uri = await createOnce(true)

    expect(double.keys()).toHaveLength(1)
    expect(uri).toEqual(reference(double.keys()[0]?.arn))
    expect((await provider.describe(reference())).kid).toBe((await provider.describe(uri)).kid)
  },
)

test('a key is found among those that may not be looked at', async () => {
  await double.addKey({ spec: 'ECC_NIST_P256' })
  double.deny('CreateAlias')
  await expect(createOnce(false)).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED' })
  double.reset()
  double.fail('ListResourceTags', { kind: 'error', name: 'AccessDeniedException', status: 400 }, 1)

  await createOnce(true)

  expect(double.keys()).toHaveLength(2)
})

test('a key that was made a moment ago is looked for a second time', async () => {
  double.fail('ListKeys', { kind: 'rewrite', rewrite: () => ({ Keys: [], Truncated: false }) }, 1)
  double.fail('CreateAlias', { kind: 'error', name: 'AccessDeniedException' }, 1)
  await expect(createOnce(false)).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED' })

  await createOnce(true)

  expect(waits).toContain(5000)
  expect(double.keys()).toHaveLength(1)
})

test('a key that signs wrongly is dropped, and not used again', async () => {
  double.fail('Sign', { kind: 'sign', how: 'double-hash' }, 1)
  await expect(createOnce(false)).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })

  const uri = await createOnce(true)

  expect(double.keys().map(({ state }) => state)).toEqual(['PendingDeletion', 'Enabled'])
  expect(uri).toEqual(reference(double.keys()[1]?.arn))
})

test('an account with too many keys to look through is said to be one', async () => {
  const endless = { Keys: [], Truncated: true, NextMarker: 'more' }
  double.fail('ListKeys', { kind: 'rewrite', rewrite: () => endless })

  await expect(createOnce(true)).rejects.toMatchObject({ code: 'ERR_OPERATION_UNSUPPORTED' })

  expect(double.calls.get('ListKeys')).toBe(10)
  expect(double.keys()).toHaveLength(0)
})

test('an alias that moved on is not taken for the key of a mark', async () => {
  const { uri } = await pinnedKey()
  const other = await double.addKey({ spec: 'ECC_NIST_P256' })
  double.setAlias('alias/countersign-release-1', other)

  await expect(createOnce(true)).rejects.toMatchObject({ code: 'ERR_KEY_EXISTS' })

  expect(await provider.pin(uri)).toEqual(uri)
})

test('pin answers the ARN that an alias means now', async () => {
  const { uri } = await pinnedKey()

  expect(await provider.pin(reference())).toEqual(uri)
})

test('a disabled key signs no more, and is disabled twice without harm', async () => {
  const pair = await pinnedKey()
  const signer = await provider.open(pair.uri)

  await provider.disable(pair)
  await provider.disable(pair)

  await expect(signer.sign(Buffer.from('m'))).rejects.toMatchObject({ code: 'ERR_KEY_NOT_USABLE' })
  expect(double.calls.get('DisableKey')).toBe(1)
})

test('destroy schedules the deletion and says when, the second time too', async () => {
  const pair = await pinnedKey()

  const first = await provider.destroy(pair)
  const second = await provider.destroy(pair)

  expect(double.keys()[0]?.state).toBe('PendingDeletion')
  expect(first.effectiveAt?.getTime()).toBeGreaterThan(0)
  expect(second).toEqual(first)
})

test('a deletion is taken back while it is scheduled, and leaves the key disabled', async () => {
  const pair = await pinnedKey()
  await provider.destroy(pair)

  await provider.cancelDestruction(pair)
  await provider.cancelDestruction(pair)

  expect(double.keys()[0]?.state).toBe('Disabled')
})

test.each(['disable', 'destroy', 'cancelDestruction'] as const)(
  '%s acts on no alias: it may come to mean another key',
  async (operation) => {
    const { publicKey } = await pinnedKey()

    await expect(provider[operation]({ uri: reference(), publicKey })).rejects.toMatchObject({
      code: 'ERR_KEY_URI_INVALID',
    })
    expect(double.keys()[0]?.state).toBe('Enabled')
  },
)
