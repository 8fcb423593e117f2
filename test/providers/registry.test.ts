import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { createFileProvider } from '../../src/providers/file/provider.ts'
import { allLoaders } from '../../src/providers/loaders.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const noSecret = () => Promise.resolve(undefined)

function counted() {
  const loads = { count: 0 }
  const file = () => {
    loads.count += 1
    return Promise.resolve(createFileProvider({ readPassphrase: noSecret }))
  }
  return { loads, file }
}

function keyFile(): string {
  const path = join(createTempFolder(), 'key.pem')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return path
}

test('a provider is loaded with its first key, and once', async () => {
  const { loads, file } = counted()
  await using providers = createProviders({ file })
  expect(loads.count).toBe(0)
  const path = keyFile()

  const [signer, key] = await Promise.all([
    providers.openKey(path),
    providers.describeKey({ scheme: 'file', path }),
  ])

  expect(key.kid).toBe(signer.key.kid)
  expect(loads.count).toBe(1)
})

test('the options of a key reach its provider', async () => {
  await using providers = createProviders(counted())

  await expect(providers.openKey(keyFile(), { algorithm: 'ES384' })).rejects.toMatchObject({
    code: 'ERR_KEY_INVALID',
  })
})

test('a provider that failed to load is loaded again', async () => {
  const { file } = counted()
  const failure = new CountersignError('ERR_MODULE_UNAVAILABLE', 'not installed yet')
  const outcomes = [() => Promise.reject(failure), file]
  await using providers = createProviders({ file: () => (outcomes.shift() ?? file)() })
  const path = keyFile()

  await expect(providers.openKey(path)).rejects.toBe(failure)

  expect((await providers.openKey(path)).key.algorithm.name).toBe('ES256')
})

test('a scheme that is not served says what to do instead', async () => {
  await using providers = createProviders({})

  await expect(providers.openKey('pkcs11:token=prod')).rejects.toMatchObject({
    code: 'ERR_OPERATION_UNSUPPORTED',
    hint: expect.stringContaining('signing service') as string,
  })
  await expect(providers.openKey('key.pem')).rejects.toMatchObject({
    code: 'ERR_OPERATION_UNSUPPORTED',
  })
})

test('a malformed reference is refused before anything is loaded', async () => {
  const { loads, file } = counted()
  await using providers = createProviders({ file })

  await expect(providers.openKey('gcpkms://a')).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
  })
  expect(loads.count).toBe(0)
})

test('a disposed registry has disposed its providers and opens nothing', async () => {
  const { file } = counted()
  const providers = createProviders({ file })
  const uri = { scheme: 'file', path: keyFile() } as const
  const provider = await providers.provider(uri)

  await providers[Symbol.asyncDispose]()
  await providers[Symbol.asyncDispose]()

  const refusal = { code: 'ERR_PROVIDER_UNAVAILABLE' }
  await expect(provider.open(uri)).rejects.toMatchObject(refusal)
  await expect(providers.openKey(uri)).rejects.toMatchObject(refusal)
})

test('every scheme has a provider in the whole table', async () => {
  const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })
  const loaders = allLoaders({
    env: { KEY: pem.toString() },
    fetch: () => Promise.reject(new TypeError()),
    now: () => new Date(0),
    readPassphrase: noSecret,
    readNewPassphrase: noSecret,
    readSecret: noSecret,
  })
  await using providers = createProviders(loaders)

  expect((await providers.describeKey('env://KEY')).algorithm.name).toBe('EdDSA')
  expect((await providers.describeKey(keyFile())).algorithm.name).toBe('ES256')
  await expect(providers.describeKey('https://example.com/k.pem')).rejects.toMatchObject({
    code: 'ERR_NETWORK',
  })
  await expect(providers.describeKey('pkcs11:?module-path=/nowhere.so')).rejects.toMatchObject({
    code: 'ERR_MODULE_UNAVAILABLE',
  })
  expect(await loaders.awskms?.()).toHaveProperty('describe')
})
