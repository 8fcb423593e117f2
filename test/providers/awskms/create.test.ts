import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import type { AwsKmsUri } from '../../../src/providers/awskms/uri.ts'
import type { CreateKeyRequest, KeyProvider } from '../../../src/providers/provider.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'

let stack: AsyncDisposableStack
let double: KmsDouble
let provider: KeyProvider
let now: number
let waits: number[]

beforeEach(() => {
  stack = new AsyncDisposableStack()
  vi.spyOn(Math, 'random').mockReturnValue(0)
  now = Date.now()
  waits = []
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await stack.disposeAsync()
})

/** Starts a double on a clock that only waiting moves. */
async function start(lags: { aliasLagMs?: number; keyLagMs?: number } = {}): Promise<void> {
  double = stack.use(await startKmsDouble({ now: () => now, ...lags }))
  stubKmsEnvironment(double.credentials)
  provider = stack.use(
    createAwsKmsProvider({
      delay: (ms) => {
        waits.push(ms)
        now += ms
        return Promise.resolve()
      },
    }),
  )
}

const reference = (keyId = 'alias/release'): AwsKmsUri => ({
  scheme: 'awskms',
  endpoint: double.endpoint,
  keyId,
})
const create = (request: Partial<CreateKeyRequest> = {}): ReturnType<KeyProvider['create']> =>
  provider.create({ uri: reference(), algorithm: 'ES256', ...request })

test('a new key is tested, then named, and answered by ARN', async () => {
  await start()

  const uri = await create()

  const [key] = double.keys()
  expect(uri).toEqual(reference(key?.arn))
  expect(key).toMatchObject({ spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY', state: 'Enabled' })
  expect(Object.fromEntries(key?.tags ?? [])).toEqual({
    'countersign:alias': 'alias/release',
    'countersign:algorithm': 'ES256',
  })
  expect([...double.calls]).toEqual([
    ['DescribeKey', 1],
    ['CreateKey', 1],
    ['GetPublicKey', 1],
    ['Sign', 1],
    ['CreateAlias', 1],
  ])
})

test.each([
  ['ES384', undefined, 'ECC_NIST_P384'],
  ['RS256', undefined, 'RSA_3072'],
  ['PS256', 2048, 'RSA_2048'],
  ['EdDSA', 4096, 'ECC_NIST_EDWARDS25519'],
] as const)('a key for %s (rsaBits %s) is a %s key', async (algorithm, rsaBits, spec) => {
  await start()

  await create({ algorithm, rsaBits })

  expect(double.keys()[0]?.spec).toBe(spec)
})

test.each(['ValidationException', 'UnsupportedOperationException'])(
  'a key spec that the region does not know (%s) is an algorithm it lacks',
  async (name) => {
    await start()
    double.fail('CreateKey', { kind: 'error', name })

    await expect(create({ algorithm: 'EdDSA' })).rejects.toMatchObject({
      code: 'ERR_ALGORITHM_UNSUPPORTED',
    })
  },
)

test('a taken alias is refused before a key is made', async () => {
  await start()
  const taken = await double.addKey({ spec: 'ECC_NIST_P256' })
  taken.state = 'PendingDeletion'
  double.setAlias('alias/release', taken)

  await expect(create()).rejects.toMatchObject({
    code: 'ERR_KEY_EXISTS',
    details: { keyArn: taken.arn },
  })
  expect(double.keys()).toHaveLength(1)
  expect(double.calls.has('CreateKey')).toBe(false)
})

test.each(['alias/aws/s3', '1234abcd-12ab-34cd-56ef-1234567890ab'])(
  'a key cannot be called %s',
  async (keyId) => {
    await start()

    await expect(create({ uri: reference(keyId) })).rejects.toMatchObject({
      code: 'ERR_KEY_URI_INVALID',
    })
    expect(double.calls.size).toBe(0)
  },
)

test('a key that takes seconds to appear is waited for', async () => {
  await start({ keyLagMs: 3000 })

  const uri = await create()

  expect(waits).toEqual([250, 500, 1000, 2000])
  await expect(provider.describe(uri)).resolves.toBeDefined()
})

test('a key that never appears is abandoned with an error that names it', async () => {
  await start({ keyLagMs: 60_000 })

  const creation = create()

  await expect(creation).rejects.toMatchObject({ code: 'ERR_KEY_NOT_FOUND' })
  now += 60_000
  const [key] = double.keys()
  await expect(creation).rejects.toThrow(
    `aws kms schedule-key-deletion --key-id ${key?.arn ?? 'none'}`,
  )
})

test('a key whose alias cannot be created is scheduled for deletion', async () => {
  await start()
  double.deny('CreateAlias')

  const creation = create()

  await expect(creation).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED' })
  await expect(creation).rejects.toThrow('is scheduled for deletion')
  expect(double.keys()).toMatchObject([{ state: 'PendingDeletion' }])
})

test('a key that fails its test never gets its alias', async () => {
  await start()
  double.fail('Sign', { kind: 'sign', how: 'double-hash' })

  await expect(create()).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })
  expect(double.keys()).toMatchObject([{ state: 'PendingDeletion' }])
  expect(double.calls.has('CreateAlias')).toBe(false)
})

test('an orphan that cannot be deleted is named', async () => {
  await start()
  double.deny('CreateAlias')
  double.deny('ScheduleKeyDeletion')

  await expect(create()).rejects.toThrow(/the new key arn:aws:kms:\S+ is left behind/)
})

test('an alias whose answer was lost is taken for what it is: made', async () => {
  await start()
  double.fail('CreateAlias', { kind: 'cut', when: 'after' }, 1)

  const uri = await create()

  expect(double.calls.get('CreateAlias')).toBe(2)
  expect(double.keys()).toMatchObject([{ state: 'Enabled', arn: (uri as AwsKmsUri).keyId }])
})

test('one of two concurrent creations of an alias is refused, and its key is deleted', async () => {
  await start()

  const outcomes = await Promise.allSettled([create(), create()])

  const states = double.keys().map((key) => key.state)
  expect(states.toSorted()).toEqual(['Enabled', 'PendingDeletion'])
  const [refused] = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(refused?.reason).toMatchObject({ code: 'ERR_KEY_EXISTS' })
})

test('an abort while waiting cleans up and is a cancellation', async () => {
  await start({ keyLagMs: 3000 })
  const abort = new AbortController()
  const patient = stack.use(
    createAwsKmsProvider({
      delay: (_, signal) => {
        now += 3000
        abort.abort()
        signal?.throwIfAborted()
        return Promise.resolve()
      },
    }),
  )
  const request = { uri: reference(), algorithm: 'ES256', signal: abort.signal } as const

  await expect(patient.create(request)).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  expect(double.keys()).toMatchObject([{ state: 'PendingDeletion' }])
})

test('the default wait is a timer that an abort ends', async () => {
  await start({ keyLagMs: 3000 })
  const abort = new AbortController()
  const patient = stack.use(createAwsKmsProvider())
  const asked = double.next('GetPublicKey')
  const creation = patient.create({ uri: reference(), algorithm: 'ES256', signal: abort.signal })
  const outcome = expect(creation).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  await asked
  abort.abort()

  await outcome
})
