import { afterAll, expect, test } from 'vitest'
import { createPkcs11Provider } from '../../../src/providers/pkcs11/provider.ts'
import type { Pkcs11Uri } from '../../../src/providers/pkcs11/uri.ts'
import { createSoftHsm } from '../../support/softhsm.ts'

const hsm = createSoftHsm(['lifecycle'])
const [token] = hsm.tokens
const provider = createPkcs11Provider({
  env: process.env,
  readPin: () => Promise.resolve(token.pin),
})

afterAll(async () => {
  await provider[Symbol.asyncDispose]()
  hsm.remove()
})

const versionUri = (version: number): Pkcs11Uri => ({
  ...token.uriFor(`countersign-release-${version}`),
  id: Buffer.alloc(16, version),
})

const createOnce = (version: number): ReturnType<typeof provider.createOnce> =>
  provider.createOnce({
    uri: versionUri(version),
    algorithm: 'ES256',
    mark: '00'.repeat(16),
    isRepeated: true,
  })

test('versions of a key have labels and ids of their own', async () => {
  const first = await createOnce(1)
  const second = await createOnce(2)

  expect(first).toEqual(versionUri(1))
  expect((await provider.describe(first)).kid).not.toBe((await provider.describe(second)).kid)
})

test('a label of another key is not taken over', async () => {
  await provider.create({ uri: token.uriFor('countersign-release-3'), algorithm: 'ES256' })

  await expect(createOnce(3)).rejects.toMatchObject({ code: 'ERR_KEY_EXISTS' })
})

test('pin adds the id to a reference that has only a label, and drops a PIN', async () => {
  await createOnce(4)

  const pinned = await provider.pin({
    ...token.uriFor('countersign-release-4'),
    pinValue: token.pin,
  })

  expect(pinned).toEqual(versionUri(4))
})

test('destroy leaves any other key alone', async () => {
  const uri = await createOnce(5)
  const { key } = await provider.open(await createOnce(6))

  await expect(provider.destroy({ uri, publicKey: key })).rejects.toMatchObject({
    code: 'ERR_PROVIDER_FAULT',
  })
  await expect(provider.open(uri)).resolves.toHaveProperty('key')
})
