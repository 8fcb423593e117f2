import { beforeAll, afterAll, expect, test } from 'vitest'
import { verifyMessage } from '../../../src/crypto/verify.ts'
import type { OpenBaoUri } from '../../../src/providers/openbao/uri.ts'
import type { PinnedKeyPair } from '../../../src/providers/key-lifecycle.ts'
import { keyUri, openCounted, type CountedProvider } from '../../support/openbao-provider.ts'
import { describeOpenBao, type OpenBaoServer, startTransit } from '../../support/openbao.ts'

const MESSAGE = Buffer.from('a message')

function because(cause: string): object {
  return { details: expect.objectContaining({ cause }) as object }
}

describeOpenBao('versions of transit keys', () => {
  let server: OpenBaoServer
  let counted: CountedProvider

  beforeAll(async () => {
    server = await startTransit()
    counted = openCounted(server.env)
  })

  afterAll(() => server[Symbol.asyncDispose]())

  /** Makes a key, with as many versions. */
  async function makeKey(name: string, versions: number, body: object = {}): Promise<OpenBaoUri> {
    await server.ask('POST', `transit/keys/${name}`, { type: 'ecdsa-p256', ...body })
    for (let made = 1; made < versions; made += 1) {
      await server.ask('POST', `transit/keys/${name}/rotate`)
    }
    return keyUri(name)
  }

  async function pairOf(uri: OpenBaoUri): Promise<PinnedKeyPair> {
    return { uri, publicKey: await counted.provider.describe(uri) }
  }

  test('without a version the latest is meant, and pinned', async () => {
    const uri = await makeKey('latest', 2)
    const { provider } = counted

    const signer = await provider.open(uri)
    await server.ask('POST', 'transit/keys/latest/rotate')

    expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
    expect(await provider.pin(uri)).toEqual({ ...uri, version: 3 })
    expect((await provider.describe({ ...uri, version: 2 })).kid).toBe(signer.key.kid)
    expect((await provider.describe(uri)).kid).not.toBe(signer.key.kid)
  })

  test('each version signs with its own key pair', async () => {
    const uri = await makeKey('three', 3)

    const signers = await Promise.all(
      [1, 2, 3].map((version) => counted.provider.open({ ...uri, version })),
    )

    expect(new Set(signers.map(({ key }) => key.kid)).size).toBe(3)
    for (const signer of signers) {
      expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
    }
  })

  test('a signature is one call, and reports the request of the audit log', async () => {
    const { provider, calls } = counted
    const signer = await provider.open(await makeKey('one-call', 1))
    const before = calls.length
    const ids: string[] = []

    await signer.sign(MESSAGE, { onBackendRequest: (id) => ids.push(id) })

    expect(calls.slice(before)).toEqual(['POST transit/sign/one-call'])
    expect(ids).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)])
  })

  test('a version that was never made is not found', async () => {
    const uri = await makeKey('short', 1)

    await expect(counted.provider.open({ ...uri, version: 2 })).rejects.toMatchObject({
      code: 'ERR_KEY_NOT_FOUND',
      message: 'the key "short" has no version 2, the latest is 1',
      ...because('version-missing'),
    })
  })

  test('a version below min_encryption_version verifies and does not sign', async () => {
    const uri = await makeKey('bounded', 2)
    const signer = await counted.provider.open({ ...uri, version: 1 })
    await server.ask('POST', 'transit/keys/bounded/config', { min_encryption_version: 2 })

    const refusal = {
      code: 'ERR_KEY_NOT_USABLE',
      hint: expect.stringContaining('min_encryption_version=') as string,
      ...because('version-below-minimum'),
    }
    await expect(counted.provider.open({ ...uri, version: 1 })).rejects.toMatchObject(refusal)
    await expect(signer.sign(MESSAGE)).rejects.toMatchObject(refusal)
    expect((await counted.provider.describe({ ...uri, version: 1 })).kid).toBe(signer.key.kid)
  })

  test('an archived version names the command that brings it back', async () => {
    const uri = await makeKey('archived', 2)
    await server.ask('POST', 'transit/keys/archived/config', { min_decryption_version: 2 })

    await expect(counted.provider.open({ ...uri, version: 1 })).rejects.toMatchObject({
      code: 'ERR_KEY_NOT_USABLE',
      ...because('version-archived'),
      hint: expect.stringContaining(
        'bao write transit/keys/archived/config min_decryption_version=1',
      ) as string,
    })
  })

  test.each([
    ['aes256-gcm96', {}, 'key-not-for-signing'],
    ['hmac', { key_size: 32 }, 'key-not-for-signing'],
    ['ed25519', { derived: true }, 'key-derived'],
  ])('a key of type %s %o is not for signing', async (type, options, cause) => {
    const name = `other-${type}`
    const uri = await makeKey(name, 1, { type, ...options })

    await expect(counted.provider.open(uri)).rejects.toMatchObject({
      code: 'ERR_KEY_INVALID',
      ...because(cause),
    })
  })

  test('a disabled key signs no more until an administrator restores it', async () => {
    const uri = await makeKey('disabled', 1)
    const signer = await counted.provider.open(uri)

    await counted.provider.disable(await pairOf(uri))
    await counted.provider.disable(await pairOf(uri))

    const refusal = { code: 'ERR_KEY_NOT_USABLE', ...because('key-soft-deleted') }
    await expect(signer.sign(MESSAGE)).rejects.toMatchObject(refusal)
    await expect(counted.provider.open(uri)).rejects.toMatchObject(refusal)
    await server.ask('POST', 'transit/keys/disabled/soft-delete-restore')
    expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  })

  test('a key of several versions is neither disabled nor destroyed', async () => {
    const uri = await makeKey('shared', 2)
    const pair = await pairOf({ ...uri, version: 1 })

    const refusal = { code: 'ERR_OPERATION_UNSUPPORTED' }
    await expect(counted.provider.disable(pair)).rejects.toMatchObject(refusal)
    await expect(counted.provider.destroy(pair)).rejects.toMatchObject(refusal)

    expect((await counted.provider.open(uri)).key.algorithm.name).toBe('ES256')
  })

  test('a key that took the name of another is neither disabled nor destroyed', async () => {
    const pair = await pairOf(await makeKey('replaced', 1))
    await counted.provider.destroy(pair)
    const uri = await makeKey('replaced', 1)

    const refusal = { code: 'ERR_PROVIDER_FAULT' }
    await expect(counted.provider.disable(pair)).rejects.toMatchObject(refusal)
    await expect(counted.provider.destroy(pair)).rejects.toMatchObject(refusal)

    expect((await counted.provider.open(uri)).key.kid).not.toBe(pair.publicKey.kid)
  })

  test('a key whose name has the mark of another is not taken', async () => {
    const [mark, other] = ['1'.repeat(32), '2'.repeat(32)]
    const uri = await makeKey(`countersign-release-1-${mark}`, 1)

    await expect(
      counted.provider.createOnce({ uri, algorithm: 'ES256', mark: other, isRepeated: true }),
    ).rejects.toMatchObject({ code: 'ERR_KEY_EXISTS' })
  })

  test('a new key is never made as a version', async () => {
    await expect(
      counted.provider.create({ uri: keyUri('fresh', { version: 2 }), algorithm: 'ES256' }),
    ).rejects.toMatchObject({ code: 'ERR_KEY_URI_INVALID' })
  })
})
