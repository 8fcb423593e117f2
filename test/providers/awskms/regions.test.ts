/** One key pair in two regions: made, failed over, failed back and taken out of use as one version. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { verifyMessage } from '../../../src/crypto/verify.ts'
import { type AwsKmsKeys, createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import { parseAwsKmsUri } from '../../../src/providers/awskms/uri.ts'
import { serializeKeyUri } from '../../../src/providers/key-uri.ts'
import { createProviders } from '../../../src/providers/registry.ts'
import { serviceVersion } from '../../support/service-keys.ts'
import { OpenSigners } from '../../../src/rotation/open-signers.ts'
import type { KeyUri } from '../../../src/providers/key-uri.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { type KmsKey, replicate } from '../../support/kms/key.ts'
import type { KmsDoubleFault } from '../../support/kms/service.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { virtualTerms } from '../../support/kms/virtual-terms.ts'
import { ManualTimer } from '../../support/manual-timer.ts'

const MESSAGE = new TextEncoder().encode('what is signed')
const [FIRST, SECOND] = ['eu-west-1', 'eu-central-1'] as const
const DOWN: readonly (readonly [string, KmsDoubleFault])[] = [
  ['answers 500', { kind: 'error', name: 'KMSInternalException', status: 500 }],
  ['cuts connections', { kind: 'cut', when: 'before' }],
  ['is throttled', { kind: 'error', name: 'ThrottlingException' }],
]

let stack: AsyncDisposableStack
let double: KmsDouble
let provider: AwsKmsKeys
let timer: ManualTimer

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  stack = new AsyncDisposableStack()
  timer = new ManualTimer()
  double = stack.use(await startKmsDouble())
  stubKmsEnvironment(double.credentials)
  const terms = virtualTerms({ startTimer: timer.start })
  provider = stack.use(createAwsKmsProvider({ terms }))
})

afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  await stack.disposeAsync()
})

const reference = (key: string): KeyUri =>
  parseAwsKmsUri(`awskms://${double.endpoint}/${key}?regions=${FIRST},${SECOND}`)

const signsIn = (region: string): number => double.regionCalls.get(`Sign ${region}`) ?? 0

function create(): Promise<KeyUri> {
  return provider.create({ uri: reference('alias/release'), algorithm: 'ES256' })
}

test('a key of two regions is one key pair under one name in both', async () => {
  const uri = await create()

  const [primary, replica] = double.keys()
  expect(serializeKeyUri(uri)).toContain(`${primary?.arn ?? ''}?regions=${FIRST},${SECOND}`)
  expect(replica).toMatchObject({ id: primary?.id, isReplica: true })
  expect(replica?.arn).toContain(SECOND)
  const one = await provider.describe(parseAwsKmsUri(`awskms://${double.endpoint}/alias/release`))
  const other = await provider.describe(
    parseAwsKmsUri(`awskms://${double.endpoint}/alias/release?region=${SECOND}`),
  )
  expect(other.kid).toBe(one.kid)
  expect((await provider.describe(uri)).kid).toBe(one.kid)
  // Both were tried before the key got its name.
  expect([signsIn(FIRST), signsIn(SECOND)]).toEqual([1, 1])
})

test('what was interrupted between the regions is finished by the next attempt', async () => {
  const request = {
    uri: reference('alias/release'),
    algorithm: 'ES256',
    mark: 'ab'.repeat(16),
  } as const
  double.fail('ReplicateKey', { kind: 'cut', when: 'after' }, 1)

  expect(await codeOfAsync(() => provider.createOnce({ ...request, isRepeated: false }))).toBe(
    'ERR_NETWORK',
  )
  await provider.createOnce({ ...request, isRepeated: true })
  await provider.createOnce({ ...request, isRepeated: true })

  expect(double.keys()).toHaveLength(2)
})

test.each(DOWN)(
  'a first region that %s is left for the second, in the same request',
  async (_, fault) => {
    const signer = await provider.open(await create())
    double.failRegion(FIRST, fault)

    const signature = await signer.sign(MESSAGE)

    expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
  },
)

test('a first region that never answers costs a request less than a second, and soon nothing', async () => {
  const signer = await provider.open(await create())
  double.failRegion(FIRST, { kind: 'hang' })
  for (let round = 0; round < 3; round += 1) {
    const arrived = double.next('Sign')
    const signing = signer.sign(MESSAGE)
    await arrived
    timer.advance(800)
    await signing
  }
  const asked = signsIn(FIRST)

  await signer.sign(MESSAGE)

  expect(signsIn(FIRST)).toBe(asked)
})

test('the first region signs again once it answers', async () => {
  const signer = await provider.open(await create())
  double.failRegion(FIRST, { kind: 'cut', when: 'before' })
  for (let round = 0; round < 5; round += 1) await signer.sign(MESSAGE)
  double.failRegion(FIRST, undefined)
  vi.setSystemTime(Date.now() + 4000)
  const there = signsIn(SECOND)

  await signer.sign(MESSAGE)
  await signer.sign(MESSAGE)

  expect(signsIn(SECOND)).toBe(there)
})

test('a key opens while its first region is down, and is pinned by its name in the first', async () => {
  const uri = await create()
  double.failRegion(FIRST, { kind: 'cut', when: 'before' })

  const signer = await provider.open(uri)

  expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  expect(await provider.pin(reference('alias/release'))).toEqual(uri)
})

test('a key that is disabled in its first region does not sign in the second', async () => {
  const uri = await create()
  const signer = await provider.open(uri)
  const [primary] = double.keys()
  if (primary !== undefined) primary.state = 'Disabled'
  const there = signsIn(SECOND)

  expect(await codeOfAsync(() => signer.sign(MESSAGE))).toBe('ERR_KEY_NOT_USABLE')
  expect(signsIn(SECOND)).toBe(there)
})

/** A key under the name of a replica whose key material is another. */
async function placeAnotherKey(): Promise<KmsKey> {
  const primary = await double.addKey({ spec: 'ECC_NIST_P256', multiRegion: true })
  const other = await double.addKey({ spec: 'ECC_NIST_P256', multiRegion: true })
  double.placeKey(SECOND, {
    ...replicate(primary, { region: SECOND, description: '', tags: new Map(), now: Date.now() }),
    privateKey: other.privateKey,
  })
  return primary
}

test('a replica with another public key is refused when the key is opened', async () => {
  const { arn } = await placeAnotherKey()

  expect(await codeOfAsync(() => provider.open(reference(arn)))).toBe('ERR_PROVIDER_FAULT')
})

test('a replica with another public key is refused when it is reached later', async () => {
  const { arn } = await placeAnotherKey()
  double.failRegion(SECOND, { kind: 'cut', when: 'before' })
  const signer = await provider.open(reference(arn))
  double.failRegion(SECOND, undefined)
  vi.setSystemTime(Date.now() + 4000)
  double.failRegion(FIRST, { kind: 'cut', when: 'before' })

  expect(await codeOfAsync(() => signer.sign(MESSAGE))).toBe('ERR_PROVIDER_FAULT')
  expect(signsIn(SECOND)).toBe(0)
})

test('a key of one region is refused where several are named', async () => {
  const key = await double.addKey({ spec: 'ECC_NIST_P256' })
  double.setAlias('alias/release', key)

  expect(await codeOfAsync(() => provider.open(reference('alias/release')))).toBe('ERR_KEY_INVALID')
  expect(await codeOfAsync(() => Promise.resolve(reference(key.arn)))).toBe('ERR_KEY_URI_INVALID')
})

test('a version is disabled, destroyed and saved in every region', async () => {
  const uri = await create()
  const pair = { uri, publicKey: await provider.describe(uri) }
  const states = (): readonly string[] => double.keys().map(({ state }) => state)

  await provider.disable(pair)
  const disabled = states()
  const { effectiveAt } = await provider.destroy(pair)
  const scheduled = states()
  const again = await provider.destroy(pair)
  await provider.cancelDestruction(pair)

  expect(disabled).toEqual(['Disabled', 'Disabled'])
  expect(scheduled).toEqual(['PendingReplicaDeletion', 'PendingDeletion'])
  expect(effectiveAt?.getTime()).toBe(Date.now() + 14 * 86_400_000)
  expect(again.effectiveAt).toEqual(effectiveAt)
  expect(states()).toEqual(['Disabled', 'Disabled'])
})

test('both regions are one version with one kid for the service', async () => {
  const uri = await create()
  const awskms = (): Promise<AwsKmsKeys> => Promise.resolve(provider)
  const providers = createProviders({ awskms })
  const opened = await providers.openKey(uri)
  const signers = new OpenSigners((...asked) => providers.openKey(...asked))
  const version = serviceVersion('release', opened, { uri: serializeKeyUri(uri) })
  const signer = await signers.open(version)
  double.failRegion(FIRST, { kind: 'cut', when: 'before' })

  expect(verifyMessage(version.publicKey, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
})

test('a diagnosis looks at every region', async () => {
  const uri = await create()
  await provider.disable({
    uri: parseAwsKmsUri(`awskms://${double.endpoint}/${double.keys()[1]?.arn ?? ''}`),
    publicKey: await provider.describe(uri),
  })

  const failed = (await provider.diagnose(uri)).filter(({ ok }) => !ok)

  expect(failed).toHaveLength(1)
  expect(failed[0]?.found).toContain(`${SECOND}: `)
})
