import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ALGORITHMS, type AlgorithmName } from '../../../src/crypto/algorithms.ts'
import { verifyMessage } from '../../../src/crypto/verify.ts'
import { crc32c } from '../../../src/providers/gcpkms/crc32c.ts'
import { fromGcpAlgorithm, toGcpAlgorithm } from '../../../src/providers/gcpkms/algorithms.ts'
import { parseGcpKmsUri } from '../../../src/providers/gcpkms/uri.ts'
import { parseKeyUri, serializeKeyUri } from '../../../src/providers/key-uri.ts'
import {
  keyInLocation,
  parseProviderReference,
  versionUri,
} from '../../../src/providers/provider-reference.ts'
import { codeOf } from '../../support/errors.ts'
import { type GcpFault, type GcpKms, RING, startGcpKms } from '../../support/gcpkms/emulator.ts'
import { gcpKey, watchGcpKms } from '../../support/gcpkms/provider.ts'

const MESSAGE = Buffer.from('a message')
const REFERENCE = `gcpkms://${RING}/cryptoKeys/release`

let emulator: GcpKms

beforeAll(async () => {
  emulator = await startGcpKms()
})

afterAll(async () => {
  await emulator[Symbol.asyncDispose]()
})

test('the checksum is that of the known answer', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(new Uint8Array())).toBe(0)
})

describe('a reference', () => {
  test.each(['cryptoKeyVersions', 'versions'])('of cosign names a version by %s', (collection) => {
    const uri = parseKeyUri(`${REFERENCE}/${collection}/2`)

    expect(uri).toEqual({ scheme: 'gcpkms', ring: RING, key: 'release', version: 2 })
    expect(serializeKeyUri(uri)).toBe(`${REFERENCE}/cryptoKeyVersions/2`)
  })

  test.each([
    'gcpkms://release',
    `${REFERENCE}/cryptoKeyVersions/0`,
    `${REFERENCE}/cryptoKeyVersions/1/2`,
    `${REFERENCE}?protection=none`,
    `${REFERENCE}:asymmetricSign`,
    REFERENCE.replace('projects', 'PROJECTS'),
    REFERENCE.replace('release/', '../'),
  ])('is refused: %s', (text) => {
    expect(codeOf(() => parseGcpKmsUri(text))).toBe('ERR_KEY_URI_INVALID')
  })

  test('to another ring is outside of a location', () => {
    const location = parseProviderReference(`gcpkms://${RING}`)
    const other = parseKeyUri(REFERENCE.replace('acme', 'evil'))

    expect(codeOf(() => keyInLocation(location, other))).toBe('ERR_KEY_URI_INVALID')
    expect(keyInLocation(location, parseKeyUri(REFERENCE))).toEqual(parseKeyUri(REFERENCE))
  })

  test('to a version of a long name fits what Cloud KMS takes', () => {
    const location = parseProviderReference(`gcpkms://${RING}`)
    const name = { key: 'k'.repeat(63), version: 12, mark: '1'.repeat(32) }

    expect(versionUri(location, name)).toMatchObject({ key: `countersign-${name.mark}-12` })
  })
})

test.each(['ES256', 'ES384', 'RS256', 'PS256', 'RS512', 'PS512', 'EdDSA'] as const)(
  '%s has a name that is read back',
  (name: AlgorithmName) => {
    expect(fromGcpAlgorithm(toGcpAlgorithm(ALGORITHMS[name], undefined))).toBe(name)
  },
)

test('an algorithm that is not ours is not read', () => {
  for (const name of ['EC_SIGN_SECP256K1_SHA256', 'RSA_SIGN_RAW_PKCS1_2048', 'toString', '']) {
    expect(fromGcpAlgorithm(name)).toBeUndefined()
  }
})

describe('versions', () => {
  test('without a version the latest that is enabled is meant, and pinned', async () => {
    for (let version = 1; version <= 11; version += 1) emulator.addVersion('rotated')
    emulator.setState('rotated', 11, 'DISABLED')
    const { provider } = watchGcpKms(emulator.env)

    expect(await provider.pin(gcpKey('rotated'))).toEqual(gcpKey('rotated', 10))
    const signer = await provider.open(gcpKey('rotated'))
    emulator.addVersion('rotated')
    expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  })

  test('a signature is one call', async () => {
    emulator.addVersion('one-call')
    const signer = await watchGcpKms(emulator.env).provider.open(gcpKey('one-call', 1))
    const before = emulator.calls.length

    await signer.sign(MESSAGE)

    expect(emulator.calls.slice(before)).toEqual([
      `POST ${RING}/cryptoKeys/one-call/cryptoKeyVersions/1:asymmetricSign`,
    ])
  })

  test('a version signs with its own algorithm, which is the default', async () => {
    emulator.addVersion('pss', 'RSA_SIGN_PSS_2048_SHA256')
    const { provider } = watchGcpKms(emulator.env)

    const signer = await provider.open(gcpKey('pss'))

    expect(signer.key.algorithm.name).toBe('PS256')
    expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
    await expect(provider.open(gcpKey('pss'), { algorithm: 'RS256' })).rejects.toMatchObject({
      code: 'ERR_KEY_INVALID',
    })
  })

  test('the service makes a key once, disables, destroys and restores its version', async () => {
    const { provider } = watchGcpKms(emulator.env)
    const mark = '4'.repeat(32)
    const uri = await provider.createOnce({
      uri: gcpKey('lifecycle'),
      algorithm: 'ES256',
      mark,
      isRepeated: false,
    })
    const pair = { uri, publicKey: await provider.describe(uri) }

    await provider.disable(pair)
    await expect(provider.open(uri)).rejects.toMatchObject({ code: 'ERR_KEY_NOT_USABLE' })
    const { effectiveAt } = await provider.destroy(pair)
    expect(await provider.destroy(pair)).toEqual({ effectiveAt })
    await provider.cancelDestruction(pair)

    expect(effectiveAt).toEqual(new Date('2026-12-30T10:00:00Z'))
    expect((await provider.diagnose(uri)).at(-1)).toMatchObject({ code: 'ERR_KEY_NOT_USABLE' })
    emulator.setState('lifecycle', 1, 'ENABLED')
    expect((await provider.diagnose(uri)).every(({ ok }) => ok)).toBe(true)
  })

  test('a reference without a version is neither disabled nor destroyed', async () => {
    emulator.addVersion('loose')
    const { provider } = watchGcpKms(emulator.env)
    const pair = { uri: gcpKey('loose'), publicKey: await provider.describe(gcpKey('loose')) }

    const refusal = { code: 'ERR_KEY_URI_INVALID' }
    await expect(provider.disable(pair)).rejects.toMatchObject(refusal)
    await expect(provider.destroy(pair)).rejects.toMatchObject(refusal)
    await expect(provider.cancelDestruction(pair)).rejects.toMatchObject(refusal)
  })
})

describe('what is not as expected', () => {
  test.each<GcpFault>(['corrupt-signature', 'corrupt-request', 'corrupt-public-key'])(
    '%s once is tried again, and never released',
    async (fault) => {
      emulator.addVersion(fault)
      const { provider } = watchGcpKms(emulator.env)
      const use = async (): Promise<void> => {
        await (await provider.open(gcpKey(fault, 1))).sign(MESSAGE)
      }

      emulator.fail(fault, 2)
      await use()
      emulator.fail(fault, 3)
      await expect(use()).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })
      emulator.fail(fault, 0)
    },
  )

  test.each<GcpFault>(['other-name', 'wrong-signature'])('%s is refused at once', async (fault) => {
    emulator.addVersion(fault)
    const { provider } = watchGcpKms(emulator.env)
    const signer = await provider.open(gcpKey(fault, 1))

    emulator.fail(fault)

    await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })
  })

  test.each([
    {
      status: 'UNAUTHENTICATED',
      code: 401,
      reason: undefined,
      expected: 'ERR_NOT_AUTHENTICATED',
      cure: 'gcloud auth',
      waits: 0,
      cause: 'credentials-refused',
    },
    {
      status: 'PERMISSION_DENIED',
      code: 403,
      reason: 'SERVICE_DISABLED',
      expected: 'ERR_NOT_ALLOWED',
      cure: 'services enable',
      waits: 0,
      cause: 'api-disabled',
    },
    {
      status: 'PERMISSION_DENIED',
      code: 403,
      reason: 'BILLING_DISABLED',
      expected: 'ERR_NOT_ALLOWED',
      cure: 'billing',
      waits: 0,
      cause: 'billing-disabled',
    },
    {
      status: 'PERMISSION_DENIED',
      code: 403,
      reason: undefined,
      expected: 'ERR_NOT_ALLOWED',
      cure: 'roles/cloudkms.signer',
      waits: 0,
      cause: 'permission',
    },
    {
      status: 'PERMISSION_DENIED',
      code: 403,
      reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
      expected: 'ERR_NOT_ALLOWED',
      cure: 'auth/cloudkms',
      waits: 0,
      cause: 'scope-insufficient',
    },
    {
      status: 'PERMISSION_DENIED',
      code: 403,
      reason: 'SECURITY_POLICY_VIOLATED',
      expected: 'ERR_NOT_ALLOWED',
      cure: 'perimeter',
      waits: 0,
      cause: 'service-perimeter',
    },
    {
      status: 'RESOURCE_EXHAUSTED',
      code: 429,
      reason: undefined,
      expected: 'ERR_THROTTLED',
      cure: 'quota',
      waits: 2,
      cause: 'quota',
    },
    {
      status: 'UNAVAILABLE',
      code: 503,
      reason: undefined,
      expected: 'ERR_PROVIDER_UNAVAILABLE',
      cure: 'try again',
      waits: 2,
      cause: 'service-unavailable',
    },
    {
      status: 'NOT_FOUND',
      code: 404,
      reason: undefined,
      expected: 'ERR_KEY_NOT_FOUND',
      cure: 'gcloud kms keys list',
      waits: 0,
      cause: 'key-missing',
    },
    {
      status: 'FAILED_PRECONDITION',
      code: 400,
      reason: undefined,
      expected: 'ERR_KEY_NOT_USABLE',
      cure: 'versions describe',
      waits: 0,
      cause: 'version-state',
    },
    {
      status: 'INVALID_ARGUMENT',
      code: 400,
      reason: undefined,
      expected: 'ERR_PROVIDER_FAULT',
      cure: 'endpoint',
      waits: 0,
      cause: 'unknown-answer',
    },
  ] as const)(
    '$status $code $reason is $expected, with a cure',
    async ({ status, code, reason, expected, cure, waits, cause }) => {
      const key = `refused-${code}-${reason ?? status}`
      emulator.addVersion(key)
      const { provider, pauses } = watchGcpKms(emulator.env)
      const signer = await provider.open(gcpKey(key, 1))
      const message = `Permission 'cloudkms.cryptoKeyVersions.useToSign' denied on resource '${key}'.`
      emulator.refuse('asymmetricSign', { code, status, message, ...(reason && { reason }) })

      const outcome = signer.sign(MESSAGE)

      await expect(outcome).rejects.toMatchObject({
        code: expected,
        hint: expect.stringContaining(cure) as string,
        details: expect.objectContaining({ cause }) as object,
      })
      expect(pauses).toHaveLength(waits)
      emulator.refuse('asymmetricSign', undefined)
    },
  )

  test('a key that exists is not taken, whatever its mark', async () => {
    emulator.addVersion('taken')
    const { provider } = watchGcpKms(emulator.env)
    const request = { uri: gcpKey('taken'), algorithm: 'ES256', mark: '5'.repeat(32) } as const

    const cause = expect.objectContaining({ cause: 'key-exists' }) as object
    const refusal = { code: 'ERR_KEY_EXISTS', details: cause }
    await expect(provider.create(request)).rejects.toMatchObject(refusal)
    await expect(provider.createOnce({ ...request, isRepeated: true })).rejects.toMatchObject(
      refusal,
    )
  })

  test('a key is made in an HSM where the reference asks for it', async () => {
    const { provider } = watchGcpKms(emulator.env)

    const uri = await provider.create({
      uri: { ...gcpKey('hsm'), protection: 'hsm' },
      algorithm: 'ES256',
    })

    const diagnosis = await provider.diagnose(uri)
    expect(diagnosis).toContainEqual({ check: 'key-state', ok: true, found: 'ENABLED, HSM' })
  })
})
