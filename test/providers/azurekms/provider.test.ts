import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyMessage } from '../../../src/crypto/verify.ts'
import {
  type AzureFault,
  type AzureKeyVault,
  type AzureRefusal,
  startAzureKeyVault,
} from '../../support/azurekms/emulator.ts'
import { AZURE_NOW, azureKey, watchAzureKms } from '../../support/azurekms/provider.ts'

const MESSAGE = Buffer.from('a message')
const SECONDS = AZURE_NOW.getTime() / 1000

let emulator: AzureKeyVault

beforeAll(async () => {
  emulator = await startAzureKeyVault()
})

afterAll(async () => {
  await emulator[Symbol.asyncDispose]()
})

describe('versions', () => {
  test('without a version the current one is meant, and pinned', async () => {
    emulator.addVersion('rotated')
    const second = emulator.addVersion('rotated')
    const { provider } = watchAzureKms(emulator.env)

    expect(await provider.pin(azureKey('rotated'))).toEqual(azureKey('rotated', second))
    const signer = await provider.open(azureKey('rotated'))
    emulator.addVersion('rotated')
    expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  })

  test('a signature is one call, on the version', async () => {
    const version = emulator.addVersion('one-call')
    const signer = await watchAzureKms(emulator.env).provider.open(azureKey('one-call'))
    const before = emulator.calls.length

    await signer.sign(MESSAGE)

    expect(emulator.calls.slice(before)).toEqual([`POST /keys/one-call/${version}/sign`])
  })

  test('the service makes a key once, disables, deletes and recovers it', async () => {
    const { provider } = watchAzureKms(emulator.env)
    const mark = '4'.repeat(32)
    const request = { uri: azureKey('lifecycle'), algorithm: 'ES256', mark } as const
    const uri = await provider.createOnce({ ...request, isRepeated: false })
    const pair = { uri, publicKey: await provider.describe(uri) }

    await provider.disable(pair)
    await expect(provider.open(uri)).rejects.toMatchObject({ code: 'ERR_KEY_NOT_USABLE' })
    const { effectiveAt } = await provider.destroy(pair)
    expect(effectiveAt).toEqual(new Date('2027-02-25T10:00:00Z'))
    expect(await provider.destroy(pair)).toEqual({ effectiveAt })
    await expect(provider.open(uri)).rejects.toMatchObject({
      code: 'ERR_KEY_NOT_USABLE',
      details: expect.objectContaining({ cause: 'key-deleted' }) as object,
    })
    await provider.cancelDestruction(pair)
    await provider.cancelDestruction(pair)

    expect((await provider.diagnose(uri)).at(-1)).toMatchObject({
      check: 'key-state',
      cause: 'key-disabled',
      hint: expect.stringContaining('--enabled true') as string,
    })
  })

  test('a key that was never disabled signs no more once it is recovered', async () => {
    const { provider } = watchAzureKms(emulator.env)
    const uri = azureKey('recovered', emulator.addVersion('recovered'))
    const pair = { uri, publicKey: await provider.describe(uri) }

    await provider.destroy(pair)
    await provider.cancelDestruction(pair)

    await expect(provider.open(uri)).rejects.toMatchObject({ code: 'ERR_KEY_NOT_USABLE' })
  })

  test('a key with several versions is not deleted for one of them', async () => {
    const { provider } = watchAzureKms(emulator.env)
    emulator.addVersion('shared')
    const uri = azureKey('shared', emulator.addVersion('shared'))
    const pair = { uri, publicKey: await provider.describe(uri) }

    await expect(provider.destroy(pair)).rejects.toMatchObject({
      code: 'ERR_OPERATION_UNSUPPORTED',
    })

    expect((await provider.open(uri)).key.kid).toBe(pair.publicKey.kid)
  })

  test('a reference without a version is neither disabled nor deleted', async () => {
    emulator.addVersion('loose')
    const { provider } = watchAzureKms(emulator.env)
    const pair = { uri: azureKey('loose'), publicKey: await provider.describe(azureKey('loose')) }

    const refusal = { code: 'ERR_KEY_URI_INVALID' }
    await expect(provider.disable(pair)).rejects.toMatchObject(refusal)
    await expect(provider.destroy(pair)).rejects.toMatchObject(refusal)
    await expect(provider.cancelDestruction(pair)).rejects.toMatchObject(refusal)
  })

  test.each([
    ['hsm', { ...azureKey('in-hsm'), protection: 'hsm' }],
    ['a managed HSM', { ...azureKey('in-managed'), vault: 'acme.managedhsm.azure.net' }],
  ] as const)('a key is made in an HSM where the reference asks for %s', async (_, uri) => {
    const { provider } = watchAzureKms(emulator.env)
    const made = await provider.create({ uri, algorithm: 'ES256' })

    expect(await provider.diagnose(made)).toContainEqual({
      check: 'key-state',
      ok: true,
      found: 'enabled, EC-HSM',
    })
  })
})

test.each([
  [{ enabled: false }, 'key-disabled'],
  [{ nbf: SECONDS + 1 }, 'key-outside-validity'],
  [{ exp: SECONDS }, 'key-outside-validity'],
] as const)('a key with %j is not opened, but described', async (attributes, cause) => {
  const key = `attributes-${Object.keys(attributes).join('')}`
  emulator.addVersion(key, attributes)
  const { provider } = watchAzureKms(emulator.env)

  await expect(provider.open(azureKey(key))).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_USABLE',
    details: expect.objectContaining({ cause }) as object,
  })
  expect((await provider.describe(azureKey(key))).algorithm.name).toBe('ES256')
})

test('a key is usable from its nbf on, until its exp', async () => {
  emulator.addVersion('bounded', { nbf: SECONDS, exp: SECONDS + 1 })
  const { provider } = watchAzureKms(emulator.env)

  expect((await provider.open(azureKey('bounded'))).key.algorithm.name).toBe('ES256')
})

test('a key that is not for signing is not opened', async () => {
  emulator.addVersion('verifying', {}, ['verify'])
  const { provider } = watchAzureKms(emulator.env)

  await expect(provider.open(azureKey('verifying'))).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_USABLE',
    details: expect.objectContaining({ cause: 'operation-not-permitted' }) as object,
  })
})

test.each<AzureFault>(['other-key', 'other-version', 'short-signature', 'der', 'wrong-key'])(
  'a signature with the fault %s is not released',
  async (fault) => {
    const key = `fault-${fault}`
    const version = emulator.addVersion(key)
    const signer = await watchAzureKms(emulator.env).provider.open(azureKey(key, version))

    emulator.fail(fault)

    await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })
    expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  },
)

test('an answer about another key pins nothing', async () => {
  emulator.addVersion('asked')
  const { provider } = watchAzureKms(emulator.env)

  emulator.fail('other-key')

  await expect(provider.pin(azureKey('asked'))).rejects.toMatchObject({
    code: 'ERR_PROVIDER_FAULT',
  })
})

const forbidden = (inner: string): AzureRefusal => ({ status: 403, code: 'Forbidden', inner })

test.each([
  [{ status: 401 }, 'credentials-refused', 'ERR_NOT_AUTHENTICATED', 'az login'],
  [
    {
      status: 401,
      message: 'AKV10032: Invalid issuer. Expected one of https://sts.windows.net/x/',
    },
    'wrong-tenant',
    'ERR_NOT_AUTHENTICATED',
    'AZURE_TENANT_ID',
  ],
  [forbidden('ForbiddenByFirewall'), 'firewall', 'ERR_NOT_ALLOWED', 'network-rule'],
  [forbidden('KeyDisabled'), 'key-disabled', 'ERR_KEY_NOT_USABLE', '--enabled true'],
  [forbidden('KeyExpired'), 'key-outside-validity', 'ERR_KEY_NOT_USABLE', 'key show'],
  [forbidden('KeyOperationForbidden'), 'operation-not-permitted', 'ERR_KEY_NOT_USABLE', '--ops'],
  [forbidden('AccessDenied'), 'access-policy', 'ERR_NOT_ALLOWED', '--key-permissions get sign'],
  [forbidden('ForbiddenByRbac'), 'role', 'ERR_NOT_ALLOWED', 'Key Vault Crypto User'],
  [{ status: 404, code: 'KeyNotFound' }, 'key-missing', 'ERR_KEY_NOT_FOUND', 'key list'],
  [
    { status: 409, inner: 'ObjectIsBeingDeleted' },
    'key-changing',
    'ERR_PROVIDER_UNAVAILABLE',
    'a minute',
  ],
  [{ status: 503 }, 'service-unavailable', 'ERR_PROVIDER_UNAVAILABLE', 'try again'],
  [{ status: 400, code: 'BadParameter' }, 'unknown-answer', 'ERR_PROVIDER_FAULT', 'vault'],
  [
    { status: 302, headers: { location: 'https://evil.example/' } },
    'unknown-answer',
    'ERR_PROVIDER_FAULT',
    'vault',
  ],
] as const)('the refusal %j has the cause %s and its cure', async (refusal, cause, code, cure) => {
  const version = emulator.addVersion('refused')
  const { provider, pauses } = watchAzureKms(emulator.env)
  const signer = await provider.open(azureKey('refused', version))
  emulator.refuse('sign', refusal)

  const outcome = signer.sign(MESSAGE)

  await expect(outcome).rejects.toMatchObject({
    code,
    hint: expect.stringContaining(cure) as string,
    details: expect.objectContaining({ cause }) as object,
  })
  const isBrief = ['key-changing', 'service-unavailable'].includes(cause)
  expect(pauses).toHaveLength(isBrief ? 2 : 0)
  emulator.refuse('sign', undefined)
})

test('a vault that throttles is asked again when it says, and then says when to come', async () => {
  const version = emulator.addVersion('throttled')
  const { provider, pauses } = watchAzureKms(emulator.env)
  const signer = await provider.open(azureKey('throttled', version))
  emulator.refuse('sign', { status: 429, code: 'Throttled', headers: { 'retry-after': '7' } })

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({
    code: 'ERR_THROTTLED',
    retryAfterSeconds: 7,
    details: expect.objectContaining({ cause: 'throttled' }) as object,
  })

  expect(pauses.map((pause) => pause >= 7000)).toEqual([true, true])
  emulator.refuse('sign', undefined)
})

test('a vault that is not in the DNS has a cause of its own', async () => {
  const cause = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
  const env = { ...emulator.env, COUNTERSIGN_AZUREKMS_ENDPOINT: '' }
  const { provider, requested } = watchAzureKms(env, (url) => {
    if (url.startsWith(emulator.url)) return url
    throw new TypeError('fetch failed', { cause })
  })

  await expect(provider.describe(azureKey('release'))).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    details: expect.objectContaining({ cause: 'vault-missing' }) as object,
  })
  expect(requested.at(-1)).toMatch(/^https:\/\/acme\.vault\.azure\.net\/keys\/release\?/)
})

test('a name that exists, or whose key can be recovered, is not taken', async () => {
  const { provider } = watchAzureKms(emulator.env)
  const uri = azureKey('taken', emulator.addVersion('taken'))
  const request = { uri: azureKey('taken'), algorithm: 'ES256', mark: '5'.repeat(32) } as const

  await expect(provider.create(request)).rejects.toMatchObject({ code: 'ERR_KEY_EXISTS' })
  await provider.destroy({ uri, publicKey: await provider.describe(uri) })
  for (const making of [
    provider.create(request),
    provider.createOnce({ ...request, isRepeated: true }),
  ]) {
    await expect(making).rejects.toMatchObject({
      code: 'ERR_KEY_EXISTS',
      details: expect.objectContaining({ cause: 'name-of-deleted' }) as object,
    })
  }
})
