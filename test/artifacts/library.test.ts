/** What callers of the library sign and verify with, against real files, a real registry and a real service. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  attest,
  openKey,
  openSigner,
  serializePublicKeyPem,
  signFile,
  signImage,
  verifyFile,
  verifyImage,
  verifyMessage,
} from '../../src/index.ts'
import { findTrustKey } from '../../src/client/trust-pin.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { trustKeyHistory } from '../../src/verification/trust.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createImageScene } from '../support/image-scene.ts'
import { testKeyPair, testSigner } from '../support/signers.ts'
import { startSigningService } from '../support/signing-service.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const TYPE = 'https://example.com/tests/v1'
const trust = serializePublicKeyPem(testSigner().key)

function createFile(content = 'a program'): string {
  const path = join(createTempFolder(), 'app')
  writeFileSync(path, content)
  return path
}

test('a file that is signed verifies by the bundle beside it, and a changed one does not', async () => {
  const path = createFile()
  await using signer = await openSigner({ signer: testSigner() })

  const signed = await signFile({ signer, path })
  const verified = await verifyFile({ path, trust })
  writeFileSync(path, 'another program')

  expect(readFileSync(`${path}.sigstore.json`)).toEqual(
    Buffer.from(`${Buffer.from(signed.bundle?.bundle ?? []).toString()}\n`),
  )
  expect(signed.path).toBe(`${path}.sigstore.json`)
  expect(verified).toMatchObject({ ok: true, digest: signed.digest })
  expect(await codeOfAsync(() => verifyFile({ path, trust }))).toBe('ERR_DIGEST_MISMATCH')
})

test('a key file is opened by its path, with its passphrase', async () => {
  const path = createFile()
  const { privateKey } = testKeyPair('ES256')
  const cipher = { cipher: 'aes-256-cbc', passphrase: 'open sesame' }
  const key = join(createTempFolder(), 'release.pem')
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher }))

  await using signer = await openSigner(key, { passphrase: 'open sesame' })
  await signFile({ signer, path })

  expect(await verifyFile({ path, trust })).toMatchObject({ ok: true })
  const wrong = (): Promise<unknown> => openSigner(key, { passphrase: 'wrong' })
  expect(await codeOfAsync(wrong)).toBe('ERR_PASSPHRASE_WRONG')
  expect(await codeOfAsync(() => openKey(`${key}.absent`))).toBe('ERR_KEY_NOT_FOUND')
  expect(await codeOfAsync(() => openKey('gcpkms://projects/1'))).toBe('ERR_KEY_URI_INVALID')
})

test('a key that is opened by its path signs messages', async () => {
  const { privateKey } = testKeyPair('ES256')
  const key = join(createTempFolder(), 'release.pem')
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await using opened = await openKey(key)
  const message = Buffer.from('message')
  expect(verifyMessage(opened.key, message, await opened.sign(message))).toBe(true)
})

test('a bundle that is there is not replaced unless that is said', async () => {
  const path = createFile()
  await using signer = await openSigner({ signer: testSigner() })
  await signFile({ signer, path })

  expect(await codeOfAsync(() => signFile({ signer, path }))).toBe('ERR_FILE_WRITE')
  await signFile({ signer, path, existing: 'overwrite' })
})

test('an image that is signed has it attached, and verifies with it', async () => {
  const { app } = await createImageScene()
  await using signer = await openSigner({ signer: testSigner() })
  const registry = { plainHttp: true } as const

  const signed = await signImage({ signer, image: `${app}:v1`, format: 'both', registry })
  const options = { image: signed.name, trust, registry }
  const verified = await verifyImage(options)
  const older = await verifyImage({ ...options, format: 'legacy' })

  expect(signed.attached?.map(({ format }) => format)).toEqual(['bundle', 'legacy'])
  expect([verified.digest, older.digest]).toEqual([signed.digest, signed.digest])
})

test('one statement about a file and an image verifies for both', async () => {
  const { app } = await createImageScene()
  const path = createFile()
  await using signer = await openSigner({ signer: testSigner() })
  const registry = { plainHttp: true } as const
  const predicate = { predicateType: TYPE, predicate: { passed: true } }

  const signed = await attest({ signer, artifacts: [path, `${app}:v1`], predicate, registry })
  const policy = { predicateTypes: [TYPE] }
  const file = await verifyFile({ path, trust, policy })
  const image = await verifyImage({ image: `${app}:v1`, trust, policy, registry })

  expect(new Set(signed.map(({ bundle }) => bundle)).size).toBe(1)
  expect([file.digest, image.digest]).toEqual(signed.map(({ digest }) => digest))
})

test('a key of a service signs a file, which verifies with what the service publishes', async () => {
  const { url, env } = await startSigningService()
  const path = createFile()
  const token = env['COUNTERSIGN_TOKEN'] ?? ''
  await using signer = await openSigner({ server: url, key: 'release', token })

  const signed = await signFile({ signer, path })
  const published = new Uint8Array(await (await fetch(`${url}/trust/keys.json`)).arrayBuffer())
  const history = parseKeyHistory(published, findTrustKey(published))
  const evidence = { logEntries: 0, times: 0 }
  const trusted = { keys: trustKeyHistory(history) }
  const verified = await verifyFile({ path, trust: trusted, policy: { evidence } })

  expect(signed.key).toMatchObject({ name: 'release', version: 1, state: 'active' })
  expect(verified.attestations[0]?.key).toMatchObject({ name: 'release', version: 1 })
})

test.each<[string, () => Promise<unknown>]>([
  ['no signer', () => openSigner({} as never)],
  ['no key', () => openSigner({ server: 'https://sign.example.com', token: 't' } as never)],
  ['no address', () => openSigner({ server: 'sign', key: 'release', token: 't' })],
  ['an empty token', () => openSigner({ server: 'https://sign.example.com', key: 'a', token: '' })],
  [
    'no path',
    async () => signFile({ signer: await openSigner({ signer: testSigner() }) } as never),
  ],
  ['nothing signs', () => signImage({ image: 'ghcr.io/acme/app' } as never)],
  ['no artifacts', async () => attest(await attestOptions([]))],
  ['no trust', () => verifyFile({ path: 'app' } as never)],
  ['no image', () => verifyImage({ image: 7, trust } as never)],
])('%s is the mistake of the caller: a TypeError', async (_, call) => {
  await expect(call()).rejects.toThrow(TypeError)
})

async function attestOptions(artifacts: readonly string[]): Promise<Parameters<typeof attest>[0]> {
  const signer = await openSigner({ signer: testSigner() })
  return { signer, artifacts, predicate: { predicateType: TYPE, predicate: {} } }
}
